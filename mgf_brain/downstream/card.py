"""The model card of a downstream run, filled from the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from textwrap import fill
from typing import Any

from huggingface_hub import ModelCard

from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.errors import UserError
from mgf_brain.folder import hub
from mgf_brain.folder.card import NOT_STATED, data_licences, metadata, public_path
from mgf_brain.foreign.source import open_model
from mgf_brain.metrics.names import score_text
from mgf_brain.run.inputs import BASELINES

CARD = Template("""\
---
$metadata
---

# $title

$summary

| | |
|---|---|
$facts

## Data

$corpus: $hours hours of speech, $utterances utterances of $speakers speakers.$data
$licences

## Results

$scored

| metric | value |
|---|---:|
$scores

$notes

## Use

```python
$code
```

Audio is a path, or an array `(samples,)` with `sample_rate=`, or a list of those; any sampling rate
will do. Loading builds models of mgf_brain alone: a folder that names anything else is refused.

## Limits

- It has heard the data above, and its encoder that of its own pretraining: other languages, noise,
  far microphones, telephone bandwidth and voices unlike those may be served poorly.
$limits
- The weights come under the licences of the data that they and the encoder were trained on.
$citation""")

USE = Template("""\
from mgf_brain.inference import $kind

model = $kind.from_pretrained("path/to/this/folder")
$call  $made""")
ORIGIN = "Made by mgf_brain, a collection of recipes for SpeechBrain."
WIDTH = 100
CITATION = "## Citation\n"


@dataclass(frozen=True)
class Card:
    """What a task says of its model.

    Arguments
    ---------
    title, summary : str
        The heading, and a sentence on what the model does.
    code : str
        Python that loads and uses it.
    limit : str
        What is to be feared in its use.
    pipeline_tag : str, optional
        The hub's name of the task.
    facts : mapping of str to str
        More rows of the table at the top.
    notes : sequence of str
        Paragraphs below the results.
    trained : bool
        Whether the data named were trained on; otherwise they were only scored.
    """

    title: str
    summary: str
    code: str
    limit: str
    pipeline_tag: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    trained: bool = True


def downstream_card(card: Card, hparams: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Write the model card; no path of the training machine gets in.

    Arguments
    ---------
    card : Card
    hparams : mapping
        The run's.
    results : mapping
        What ``results.json`` holds.

    Returns
    -------
    str
        Markdown that starts with the hub's metadata.
    """
    data, encoder = results["data"], _encoder_card(hparams)
    licences = _licences(card, hparams, encoder)
    facts = _facts(hparams, results) | dict(card.facts)
    return CARD.substitute(
        metadata=metadata(
            card.title, card.pipeline_tag, hparams, results, list(licences.values())
        ).to_yaml(),
        title=card.title,
        summary=fill(f"{card.summary} {ORIGIN}", WIDTH),
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        corpus=hparams.get("corpus", "your own"),
        hours=f"{data['hours']:.2f}",
        utterances=f"{data['utterances']:,}",
        speakers=f"{data['speakers']:,}" if data["speakers"] else "unnamed",
        data="" if card.trained else " They were scored; nothing was trained on them.",
        scored=fill(_scored(hparams, results["metrics"]), WIDTH),
        scores="\n".join(_scores(results["metrics"])),
        notes="\n\n".join(fill(note, WIDTH) for note in card.notes),
        code=card.code,
        limits=fill(f"- {card.limit}", WIDTH, subsequent_indent="  "),
        licences="\n".join(
            f"Licence of {whose}: {x or NOT_STATED}." for whose, x in licences.items()
        ),
        citation=_citation(encoder),
    )


def _encoder_card(hparams: Mapping[str, Any]) -> ModelCard | None:
    """That of the pretrained folder, if the run had one."""
    pretrained = hparams["pretrained"]
    if pretrained in BASELINES:
        return None
    try:
        place = open_model(pretrained, hparams.get("trust", False)).place
    except UserError:  # gone since the run began: its licence is not known any more
        return None
    return hub.read_card(place)


def _licences(
    card: Card, hparams: Mapping[str, Any], encoder: ModelCard | None
) -> dict[str, str | None]:
    """Of all speech that was trained on, by what was trained on it."""
    licences = data_licences(hparams) if card.trained else {}
    if hparams["pretrained"] not in BASELINES:
        licences["the encoder's data"] = hub.licence_of(encoder)
    return licences


def _citation(encoder: ModelCard | None) -> str:
    """The encoder's, which is where the papers are."""
    papers = encoder.text.partition(CITATION)[2] if encoder else ""
    return f"\n{CITATION}{papers.rstrip()}\n" if papers else ""


def _facts(hparams: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, str]:
    command = f"{public_path(results['recipe'])} {public_path(results['hparams'])}"
    return {
        "encoder": adapted_name(hparams),
        "seed": str(results["seed"]),
        "made with": f"`{command}`",
        "versions": ", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    }


def _scored(hparams: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """What the scores are of."""
    text = "On what the recipe holds out for the test"
    if hparams.get("valid_share"):
        text = "On training speakers that were held out (`valid_share`), not on the test"
    elif "folds" in metrics:
        text = "On each fold's test part, or over those of all folds"
    if "purity" in metrics:
        text += ", but `purity` and `nmi`, which compare the clusters of training speech with its "
        text += "speakers"
    return f"{text}."


def _scores(metrics: Mapping[str, Any]) -> list[str]:
    """A row for each score, and for those of each fold."""
    rows = [
        f"| {name} | {score_text(name, value)} |"
        for name, value in metrics.items()
        if name != "folds"
    ]
    for fold, scores in metrics.get("folds", {}).items():
        rows += [f"| {name}, fold {fold} | {score_text(name, x)} |" for name, x in scores.items()]
    return rows
