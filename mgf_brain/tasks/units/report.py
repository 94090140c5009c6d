"""The page of a run: the scores of two layers with intervals, and the curve over all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.metrics.names import score_text, score_title
from mgf_brain.reports.html import Table
from mgf_brain.reports.plots import layer_curves
from mgf_brain.reports.task_page import Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.units.scoring import LayerScores, Part

CURVES = {"ABX error": ("abx_within", "abx_across"), "phones of clusters": ("pnmi", "phone_purity")}
CAPTION = (
    "Layer 0 is the encoder's input. The vertical line is the layer with the lowest ABX errors on "
    "training utterances."
)


def write_units_page(
    experiment: Experiment, test: Part, scores: Sequence[LayerScores], layer: int
) -> None:
    """Write the page: the top layer, the chosen one, and all layers."""
    hparams, rows = experiment.hparams, test.utterances
    compared = {kind: len(t.same) for kind, t in test.comparisons.triples.items()}
    curves = {
        title: {
            f"{score_title(name)}, {part}": [getattr(made, part)[name] for made in scores]
            for name in names
            for part in ("test", "train")
        }
        for title, names in CURVES.items()
    }
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Phones in every layer, without training, on {experiment.recipe.corpus}",
            lead=f"{adapted_name(hparams)}: {compared['abx_within']:,} comparisons within and "
            f"{compared['abx_across']:,} across speakers of {len(rows):,} test utterances of "
            f"{len({u.speaker for u in rows})} speakers; {hparams['clusters']} clusters. Scores "
            f"are those of the top layer, {len(scores) - 1}, and of layer {layer}, chosen on "
            "training utterances.",
            scores=[
                Score(f"{name}{suffix}", made.test[name], *interval)
                for made, suffix in ((scores[-1], ""), (scores[layer], "_chosen"))
                for name, interval in made.intervals(test.comparisons).items()
            ],
            pictures=[Picture("curves", partial(layer_curves, curves, layer), CAPTION)],
            tables={"Layers": _table(scores)},
        ),
    )


def _table(scores: Sequence[LayerScores]) -> Table:
    names = list(scores[0].test)
    rows = [
        [str(i), *(score_text(name, made.test[name]) for name in names)]
        for i, made in enumerate(scores)
    ]
    return ["layer", *map(score_title, names)], rows
