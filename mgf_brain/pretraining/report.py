"""The report of a run: plots, and one page that shows them with the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mgf_brain.objectives.collapse import HEALTHY, unhealthy
from mgf_brain.pretraining.plots import draw_all
from mgf_brain.pretraining.scales import HEADER, Scale, find_scales, text_table
from mgf_brain.reports.curves import history
from mgf_brain.reports.facts import _clock, _present, read_results, run_facts, write_page
from mgf_brain.reports.html import figure, page, png, table
from mgf_brain.run.log import read_metrics
from mgf_brain.run.recipe import Recipe

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
    results = read_results(folder)
    train, valid = history(read_metrics(_present(folder / "metrics.jsonl")))
    pictures = {name: png(plot) for name, plot in draw_all(train, valid).items()}
    return write_page(folder, _page(results, pictures), pictures)


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
    >>> import json
    >>> folder = getfixture("tmp_path")
    >>> figures = {"frame_loss": 0.6, "frame_constant": 0.8, "frame_copy": 0.7}
    >>> _ = (folder / "results.json").write_text(json.dumps({"metrics": {"validation": figures}}))
    >>> summary_table(folder).splitlines()[1].split()
    ['frame', '0.600', '0.800', '0.700', '75', '%', '86', '%', '–', 'yes']
    """
    return f"{text_table(find_scales(_validation(read_results(Path(folder)))))}\n{CRITERION}"


def _validation(results: dict[str, Any]) -> dict[str, float]:
    return results["metrics"].get("validation", {})


def _page(results: dict[str, Any], pictures: dict[str, bytes]) -> str:
    scales = find_scales(_validation(results))
    sections = [
        *_scale_sections(scales, pictures),
        *_collapse_section(results, pictures),
        "<h2>Training</h2>",
        *(_figure(name, pictures, CAPTIONS[name]) for name in ("loss", "optimiser", "throughput")),
        "<h2>The run</h2>",
        table((), [*_scores(results), *run_facts(results)]),
    ]
    system, corpus = Path(results["hparams"]).stem, Recipe.of_script(results["recipe"]).corpus
    lead = f"{sum(s.learns for s in scales)} of {len(scales)} scales learn. " if scales else ""
    return page(f"{system} on {corpus}", f"{lead}{_length(results)}", sections)


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
        table(HEADER, [scale.cells() for scale in scales]),
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
        table(("figure", "validation", "healthy", "in range"), rows),
        _figure("collapse", pictures, CAPTIONS["collapse"]),
    ]


def _range(name: str) -> str:
    lowest, highest = HEALTHY[name]
    if lowest is None:
        return f"at most {highest:g}"
    return f"at least {lowest:g}" if highest is None else f"{lowest:g} to {highest:g}"


def _scores(results: dict[str, Any]) -> list[list[str]]:
    """And figures of tracks, such as the purity of labels; validation has tables of its own."""
    scores = {}
    for name, value in results["metrics"].items():
        if isinstance(value, (int, float)):
            scores[name] = value
        elif name != "validation":
            scores |= {f"{name}: {key}": figure for key, figure in value.items()}
    return [[name.replace("_", " "), f"{value:.3f}"] for name, value in scores.items()]


def _figure(name: str, pictures: dict[str, bytes], caption: str) -> str:
    """HTML of a plot; nothing where there was nothing to draw."""
    return figure(name, pictures[name], caption) if name in pictures else ""
