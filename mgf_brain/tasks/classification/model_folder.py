"""The model of one fold, its folder and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.downstream.card import USE, Card
from mgf_brain.downstream.model_folder import Hparams, Results, export_model
from mgf_brain.downstream.pretrained import run_encoder_node
from mgf_brain.folder.write import new_node, plain
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.training import FoldTrainer, Predictions

RANKED = "# [(label, probability), ...], the likeliest first"


def export_classifier(
    hparams: Hparams, trainer: FoldTrainer, made: Predictions, results: Results
) -> Path:
    """Write the model of one fold, see ``UtteranceClassifier``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    trainer : FoldTrainer
    made : Predictions
        Of the fold that was trained last.
    results : dict
        What ``results.json`` holds; the fold's name is added to it.

    Returns
    -------
    Path
        The folder.
    """
    model = trainer.classifier(made)
    parts = {
        "encoder": run_encoder_node(hparams, model.encoder),
        "head": new_node(hparams["probe"], **trainer.probe_sizes()),
        "labels": plain(model.labels),
    }
    card = classifier_card(results, made.fold, [u.speaker for u in made.utterances], model.labels)
    return export_model(hparams, model, parts, results | {"exported_fold": made.fold}, card)


def classifier_card(
    results: Mapping[str, Any], fold: str, speakers: Sequence[str], labels: Sequence[str]
) -> Card:
    """Of a model that names classes of utterances.

    Arguments
    ---------
    results : mapping
        What ``results.json`` holds.
    fold : str
        The one whose model is exported.
    speakers : sequence of str
        Of its test utterances.
    labels : sequence of str
        Names of the classes.

    Returns
    -------
    Card

    Example
    -------
    >>> results = {"recipe": "recipes/EmoDB/emotion.py", "metrics": {"folds": {"3": {"uar": 75.0}}}}
    >>> card = classifier_card(results, "3", speakers=["03"], labels=["calm", "angry"])
    >>> card.title, card.summary
    ('Emotion from speech', 'Tells apart calm, angry.')
    """
    task = Recipe.of_script(results["recipe"]).task
    kind = "EmotionClassifier" if task == "emotion" else "UtteranceClassifier"
    scores = ", ".join(
        f"{name} {value:.2f}" for name, value in results["metrics"]["folds"][fold].items()
    )
    return Card(
        title=f"{task.capitalize()} from speech",
        summary=f"Tells apart {', '.join(labels)}.",
        code=USE.substitute(kind=kind, call='model.classify("speech.wav")', made=RANKED),
        limit="Labels are those of one corpus, often acted: what they mean elsewhere is not known. "
        "Do not judge people by them.",
        pipeline_tag="audio-classification",
        facts={"classes": ", ".join(labels)},
        notes=(
            "The scores without a fold are over the predictions of all folds, each made by a model "
            f"of its own. This is the model of fold {fold}, the last that was trained; it never "
            f"heard the speakers on whom it scored {scores}: {_shortened(sorted(set(speakers)))}.",
        ),
    )


def _shortened(names: Sequence[str], most: int = 30) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
