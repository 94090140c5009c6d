"""RESULTS.md and the tables of other pages, from the rows that the repository keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from experiments.results.claims import CLAIMS, Comparison, Differences, verdict
from experiments.results.plan import PRETRAINING, Cell, Results
from experiments.results.rows import Rows, cell_text, command_of, commits, of, values
from experiments.results.systems import EVERY, GROUPS, NOT_AT_HAND, SYSTEMS, metrics_of
from mgf_brain.bench.summaries import markdown, mean_and_spread
from mgf_brain.metrics.names import UNKNOWN, metric_read

FOLDER = Path("results/all")
BLOCK = re.compile(
    r"(<!-- from RESULTS: (.+?) -->\n\n)(.*?)(\n\n<!-- end of RESULTS -->)", re.DOTALL
)
NOTHING = "*No run of this table is kept yet.*"
NO_SEEDS = ("minutes", "parameters", "steps")
HEAD = """# Results

Made by `make results` of `docs/results.csv` (a row a run) and `docs/claims.csv` (differences):
nothing here is typed by hand. The runs are those of

```bash
python -m experiments.results --data $DATA --protocol $PROTOCOL
python -m experiments.results --data $DATA --protocol $PROTOCOL --what_is_missing
python -m experiments.results --data $DATA --protocol $PROTOCOL --collect
```

of which the first goes on where it was stopped and the last refreshes both files. Every system is
pretrained at `mini` size on LibriSpeech's excerpt (train-clean-100: 374 utterances) and
speechocean762's train part with three seeds, and frozen for its tasks unless its name says
otherwise. Cells are means and deviations over seeds of encoder and head; "not run" is what is
missing, "–" what is not asked. Test sets are small: read differences with
[their intervals](#what-the-papers-claim). Scores of speakers are by the embedding that a model's
objective has trained, where it has one; those called statistics are by one read-out for all models
([which](recipes/speechocean762/README.md#speaker-verification)). Systems are not trained for equal
times: minutes are those of a run's own steps, without the models that it goes on from. MGF 2's
settings were chosen on speakers of none of these lists, but on RAVDESS's actors 1 to 12
([docs/flagship.md](docs/flagship.md)). What was measured before, and why settings are as they
are, stands in [docs/experiments.md](docs/experiments.md).
"""


def results_page(rows: Rows, differences: Differences, pictures: Iterable[str] = ()) -> str:
    """The whole of RESULTS.md.

    Arguments
    ---------
    rows, differences
        What the repository keeps.
    pictures : iterable of str
        Files that there are, from the repository's root.
    """
    parts = [HEAD]
    parts += [f"![{Path(name).stem.replace('_', ' ')}]({name})\n" for name in pictures]
    parts += ["## Training\n", _training(rows), "\n## What was learnt\n", _learnt(rows)]
    for title, tasks in GROUPS.items():
        parts += [f"\n## {title}\n", group_table(rows, tasks)]
    parts += ["\n## What the papers claim\n", _claims(rows, differences)]
    parts += ["\n## Corpora that are not at hand\n", _corpora(), "\n## Commands\n", _commands(rows)]
    return "\n".join(parts)


def _training(rows: Rows) -> str:
    lines = []
    for name, system in EVERY.items():
        if system.yaml:
            found = of(rows, name, PRETRAINING)
            scores = (*NO_SEEDS, "loss")
            texts = [cell_text(values(rows, name, PRETRAINING, s), s) for s in scores]
            lines.append([system.title, *texts, ", ".join(commits(found)) or UNKNOWN])
    header = ["system", "minutes of the steps", "parameters", "steps", "validation loss", "commit"]
    note = "Losses are of different objectives: they are not to be compared between systems."
    return f"{note}\n\n{markdown(header, lines)}"


def _learnt(rows: Rows) -> str:
    """Each objective on the validation speakers, beside what needs no training."""
    lines = []
    for name, system in EVERY.items():
        known = {score for row in of(rows, name, PRETRAINING) for score in row.metrics}
        for objective in sorted(s[: -len("_constant")] for s in known if s.endswith("_constant")):
            scores = [f"{objective}_{kind}" for kind in ("loss", "constant", "copy", "accuracy")]
            found = [values(rows, name, PRETRAINING, score) for score in scores]
            texts = [mean_and_spread(f, 3) if f else UNKNOWN for f in found]
            lines.append([system.title, objective.replace("_", ", "), *texts])
    header = ["system", "objective", "loss", "best constant", "copied input", "accuracy, %"]
    note = "On the validation speakers; accuracies are those of the objective's own classes."
    return f"{note}\n\n{markdown(header, lines)}" if lines else NOTHING


def group_table(rows: Rows, tasks: Sequence[str]) -> str:
    """A line a system that any of the tasks is asked of, a column a score."""
    columns = [(task, score) for task in tasks for score in metrics_of(task)]
    named = [name for name, system in EVERY.items() if set(tasks) & set(system.tasks)]
    lines = [[EVERY[name].title, *_cells(rows, name, columns)] for name in named]
    return markdown(["system", *(heading(*column) for column in columns)], lines)


def _cells(rows: Rows, name: str, columns: Iterable[tuple[str, str]]) -> list[str]:
    asked = {PRETRAINING, *EVERY[name].tasks} - ({PRETRAINING} if not EVERY[name].yaml else set())
    return [
        cell_text(values(rows, name, task, score), score) if task in asked else UNKNOWN
        for task, score in columns
    ]


def heading(task: str, score: str) -> str:
    """Of a column, with the way that is better.

    Example
    -------
    >>> heading("verification-LibriSpeech", "eer"), heading("pretraining", "minutes")
    ('verification-LibriSpeech: EER ↓', 'minutes')
    """
    if score in NO_SEEDS:
        return score
    metric = metric_read(score)
    arrow = {"lower": " ↓", "higher": " ↑", None: ""}[metric.better]
    return f"{task}: {metric.titled(score)}{arrow}"


def _claims(rows: Rows, differences: Differences) -> str:
    note = (
        "Differences are of the first system less the second, 95 % over test speakers and seeds\n"
        "([how](docs/bench.md#what-the-numbers-mean)); p is of each comparison by itself. "
        "Confirmed or refuted: p < 0.05."
    )
    parts = [note]
    for claim in CLAIMS:
        lines = [_compared(it, rows, differences) for it in claim.comparisons]
        header = ["first", "second", "task", "score", "of the first", "of the second"]
        header += ["difference", "p", "claim"]
        parts += [f"\n**{claim.paper}**: {claim.text}\n", markdown(header, lines)]
    return "\n".join(parts)


def _compared(it: Comparison, rows: Rows, differences: Differences) -> list[str]:
    found = differences.get(it)
    means = [cell_text(values(rows, n, it.task, it.score), it.score) for n in (it.better, it.worse)]
    numbers = ["not run", UNKNOWN]
    if found:
        gap = " ".join(f"{x:+.2f}" for x in (found.value, found.low, found.high)).split()
        numbers = [f"{gap[0]} [{gap[1]}, {gap[2]}]", f"{found.p:.3f}"]
    names = [EVERY[it.better].title, EVERY[it.worse].title, it.task, metric_read(it.score).title]
    return [*names, *means, *numbers, verdict(it, found)]


def _corpora() -> str:
    lines = [
        [name, f"[{task}](recipes/{name}/README.md)", "corpus not at hand"]
        for name, task in NOT_AT_HAND.items()
    ]
    return markdown(["corpus", "task", "results"], lines)


def _commands(rows: Rows) -> str:
    """Of pretraining and, with one system, of each task."""
    plan = Results(FOLDER, "$DATA", "$PROTOCOL", seeds=1)
    cells = {(c.system, c.task): c for c in plan.cells()}
    tasks = [("fbank", task) for task in EVERY["fbank"].tasks]
    pretrained = [(name, task) for name, task in cells if task == PRETRAINING]
    tuned = [(name, task) for name, task in cells if EVERY[name].adapt != "frozen"]
    prepare = (
        "python recipes/speechocean762/prepare.py --data_folder $DATA/speechocean762 "
        "--output_folder results/all/manifests"
    )
    shown = "\n".join([prepare, *(_command(rows, cells[key], plan) for key in pretrained)])
    heads = "\n".join(_command(rows, cells[key], plan) for key in [*tasks, *tuned])
    return (
        "As they were run, or will be, with the first seed. Pretraining:\n\n"
        f"```bash\n{shown}\n```\n\nTasks of log-mel bands; of another system\n"
        "`--pretrained results/all/pretraining/<system>/<seed>/pretrained`:\n\n"
        f"```bash\n{heads}\n```\n"
    )


def _command(rows: Rows, cell: Cell, plan: Results) -> str:
    found = rows.get((cell.system, cell.task, cell.seed))
    return found.command if found else command_of(cell, plan)


def page_table(rows: Rows, spec: str) -> str:
    """A table of another page.

    Arguments
    ---------
    rows
    spec : str
        Systems, a bar, and columns: ``fbank mgf | phones.accuracy pretraining.minutes``; ``all``
        means all that are no variants. Systems without any run in these columns are left out.
    """
    chosen, columns = parse_spec(spec)
    lines = [
        [EVERY[name].title, *_cells(rows, name, columns)]
        for name in chosen
        if any(values(rows, name, *column) for column in columns)
    ]
    return markdown(["system", *(heading(*c) for c in columns)], lines) if lines else NOTHING


def parse_spec(spec: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Systems, and tasks with scores.

    Example
    -------
    >>> parse_spec("fbank mgf | phones.accuracy")
    (['fbank', 'mgf'], [('phones', 'accuracy')])
    """
    names, _, words = (part.strip() for part in spec.partition("|"))
    columns = [(task, score) for task, _, score in (w.partition(".") for w in words.split())]
    return list(SYSTEMS) if names == "all" else names.split(), columns


def with_tables(text: str, rows: Rows) -> str:
    """A page's text with its tables made anew.

    Example
    -------
    >>> page = "<!-- from RESULTS: all | phones.accuracy -->\\n\\nold\\n\\n<!-- end of RESULTS -->"
    >>> print(with_tables(page, {}))
    <!-- from RESULTS: all | phones.accuracy -->
    <BLANKLINE>
    *No run of this table is kept yet.*
    <BLANKLINE>
    <!-- end of RESULTS -->
    """
    return BLOCK.sub(lambda m: m[1] + page_table(rows, m[2]) + m[4], text)
