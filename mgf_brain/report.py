"""The report of a run: plots, and one page that shows them with the results."""

from __future__ import annotations

import base64
import io
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from datetime import timedelta
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from mgf_brain.errors import UserError
from mgf_brain.monitor import HEALTHY, unhealthy
from mgf_brain.plots import draw_all, history
from mgf_brain.scales import HEADER, Scale, find_scales, text_table
from mgf_brain.training_log import read_metrics

CRITERION = (
    "A scale learns when its loss on the validation data is below both that of the best constant "
    "and that of the copied input."
)
CAPTIONS = {
    "loss": "What the optimiser minimises: the weighted sum of all objectives.",
    "collapse": "Healthy ranges are shaded; docs/collapse.md explains each figure.",
    "optimiser": "Learning rate and gradient norm of the logged steps.",
    "throughput": "Unpadded audio entering the encoder over training time so far.",
}
SCALE_CAPTION = (
    "Thin: single training steps. Thick: their moving mean. The references need no learning."
)
PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       max-width: 1040px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
.lead { color: #555; margin-top: .2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem; border-bottom: 1px solid #e6e6e6; text-align: right; }
th:first-child, td:first-child, .facts td { text-align: left; }
th { font-weight: 600; color: #555; }
.yes { color: #1a7431; font-weight: 600; }
.no { color: #b00020; font-weight: 600; }
figure { margin: 1.2rem 0; }
figcaption { color: #555; font-size: .9rem; }
img { max-width: 100%; height: auto; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="lead">$lead</p>
$body
</body>
</html>
""")


def write_report(folder: str | Path) -> Path:
    """Write ``report/``: PNG plots, and ``index.html`` that holds them too.

    Arguments
    ---------
    folder : str or Path
        A run's output folder, with ``metrics.jsonl`` and ``results.json``.

    Returns
    -------
    Path
        The page. It needs no other file and no network.

    Raises
    ------
    UserError
        If one of the two files is missing.
    """
    folder = Path(folder)
    results = _read_results(folder)
    train, valid = history(read_metrics(_present(folder / "metrics.jsonl")))
    pictures = {name: _png(figure) for name, figure in draw_all(train, valid).items()}
    target = folder / "report"
    staging = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    staging.chmod(0o755)
    for name, picture in pictures.items():
        (staging / f"{name}.png").write_bytes(picture)
    (staging / "index.html").write_text(_page(results, pictures), encoding="utf-8")
    if target.exists():
        shutil.rmtree(target)
    staging.rename(target)
    return target / "index.html"


def summary_table(folder: str | Path) -> str:
    """Whether each scale learns, as plain text for the terminal.

    Arguments
    ---------
    folder : str or Path
        A run's output folder, with ``results.json``.

    Returns
    -------
    str
        A table, and a sentence that says how to read it.

    Raises
    ------
    UserError
        If ``results.json`` is missing.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> figures = {"frame_loss": 0.6, "frame_constant": 0.8, "frame_copy": 0.7}
    >>> _ = (folder / "results.json").write_text(json.dumps({"metrics": {"validation": figures}}))
    >>> summary_table(folder).splitlines()[1].split()
    ['frame', '0.600', '0.800', '0.700', '75', '%', '86', '%', '–', 'yes']
    """
    return f"{text_table(find_scales(_validation(_read_results(Path(folder)))))}\n{CRITERION}"


def _present(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path} is missing: give the output folder of a finished run.")
    return path


def _read_results(folder: Path) -> dict[str, Any]:
    return json.loads(_present(folder / "results.json").read_text(encoding="utf-8"))


def _validation(results: dict[str, Any]) -> dict[str, float]:
    return results["metrics"].get("validation", {})


def _png(figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def _page(results: dict[str, Any], pictures: dict[str, bytes]) -> str:
    scales = find_scales(_validation(results))
    sections = [
        *_scale_sections(scales, pictures),
        *_collapse_section(results, pictures),
        "<h2>Training</h2>",
        *(_figure(name, pictures, CAPTIONS[name]) for name in ("loss", "optimiser", "throughput")),
        "<h2>The run</h2>",
        _table((), _facts(results)),
    ]
    system, corpus = Path(results["hparams"]).stem, Path(results["recipe"]).parent.name
    lead = f"{sum(s.learns for s in scales)} of {len(scales)} scales learn. " if scales else ""
    return PAGE.substitute(
        title=escape(f"{system} on {corpus}"),
        lead=escape(f"{lead}{_length(results)}"),
        body="\n".join(sections),
    )


def _length(results: dict[str, Any]) -> str:
    data = results["data"]
    return (
        f"{data['hours']:.2f} hours of speech of {data['speakers']} speakers, "
        f"run of {_clock(results['time']['wall_s'])}."
    )


def _scale_sections(scales: list[Scale], pictures: dict[str, bytes]) -> list[str]:
    if not scales:
        return []
    return [
        "<h2>Does each scale learn?</h2>",
        _table(HEADER, [scale.cells() for scale in scales]),
        f"<p>{CRITERION}</p>",
        *(_figure(scale.name, pictures, SCALE_CAPTION) for scale in scales),
    ]


def _collapse_section(results: dict[str, Any], pictures: dict[str, bytes]) -> list[str]:
    figures = _validation(results)
    rows = [
        [
            name.replace("_", " "),
            f"{figures[name]:.3f}",
            _range(name),
            "no" if unhealthy({name: figures[name]}) else "yes",
        ]
        for name in HEALTHY
        if name in figures
    ]
    if not rows:
        return []
    return [
        "<h2>Does the representation collapse?</h2>",
        _table(("figure", "validation", "healthy", "in range"), rows),
        _figure("collapse", pictures, CAPTIONS["collapse"]),
    ]


def _range(name: str) -> str:
    lowest, highest = HEALTHY[name]
    if lowest is None:
        return f"at most {highest:g}"
    return f"at least {lowest:g}" if highest is None else f"{lowest:g} to {highest:g}"


def _facts(results: dict[str, Any]) -> list[list[str]]:
    data, time = results["data"], results["time"]
    scores = {k: v for k, v in results["metrics"].items() if isinstance(v, (int, float))}
    facts = {
        **{name.replace("_", " "): f"{value:.3f}" for name, value in scores.items()},
        "speech": f"{data['hours']:.2f} h",
        "utterances": f"{data['utterances']:,}",
        "speakers": f"{data['speakers']:,}",
        "parameters": f"{results['model']['parameters']:,}",
        "wall time": _clock(time["wall_s"]),
        "throughput": f"{time['audio_s_per_s']:.1f} s-audio/s",
        "peak memory (RSS)": f"{results['peak_rss_mb']:,.0f} MB",
        "recipe": f"{results['recipe']} {results['hparams']}",
        "seed": str(results["seed"]),
        "versions": ", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    }
    return [list(fact) for fact in facts.items()]


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """HTML of a table; cells that say yes or no are coloured."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = ["".join(_cell(cell) for cell in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    head = f"<thead><tr>{head}</tr></thead>\n" if header else ""
    kind = "numbers" if header else "facts"
    return (
        f'<div class="scroll"><table class="{kind}">\n{head}<tbody>\n{body}\n</tbody></table></div>'
    )


def _cell(text: str) -> str:
    verdict = f' class="{text}"' if text in ("yes", "no") else ""
    return f"<td{verdict}>{escape(text)}</td>"


def _figure(name: str, pictures: dict[str, bytes], caption: str) -> str:
    """HTML of a plot, the picture inside; nothing where there was nothing to draw."""
    if name not in pictures:
        return ""
    data = base64.b64encode(pictures[name]).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{escape(name)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
