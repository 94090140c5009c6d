"""The model card of a downstream run, filled from the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from textwrap import fill
from typing import Any

from huggingface_hub import ModelCard

from mgf_brain.folder import hub
from mgf_brain.folder.card import NOT_STATED, data_licences, metadata, public_path
from mgf_brain.pretrained import BASELINES, pretrained_name
from mgf_brain.verification import Calibration

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
CLASSIFIER = "UtteranceClassifier"
RANKED = "# [(label, probability), ...], the likeliest first"
SAME = '\nmodel.same("a.wav", "b.wav")  # bool'


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
    return None if pretrained in BASELINES else hub.read_card(hub.resolve(pretrained))


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


def _shortened(names: Sequence[str], most: int = 30) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _facts(hparams: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, str]:
    command = f"{public_path(results['recipe'])} {public_path(results['hparams'])}"
    return {
        "encoder": f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}",
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
    if "si_sdr" in metrics:
        return f"{text}."
    return f"{text}; in percent, but costs (`min_dcf`), which are normalised."


def _scores(metrics: Mapping[str, Any]) -> list[str]:
    """A row for each score, and for those of each fold."""
    rows = [
        f"| {name} | {value:.{3 if name.startswith('min_dcf') else 2}f} |"
        for name, value in metrics.items()
        if name != "folds"
    ]
    for fold, scores in metrics.get("folds", {}).items():
        rows += [f"| {name}, fold {fold} | {value:.2f} |" for name, value in scores.items()]
    return rows


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
    """
    kind = "EmotionClassifier" if Path(results["recipe"]).stem == "emotion" else CLASSIFIER
    scores = ", ".join(
        f"{name} {value:.2f}" for name, value in results["metrics"]["folds"][fold].items()
    )
    return Card(
        title=f"{Path(results['recipe']).stem.capitalize()} from speech",
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


def verifier_card(calibration: Calibration | None, adapt: str) -> Card:
    """Of a model that compares speakers.

    Arguments
    ---------
    calibration : Calibration, optional
        The threshold's.
    adapt : str
        How the encoder was adapted: one that was tuned has no threshold.

    Returns
    -------
    Card
    """
    note = "There is no threshold: the recipe had no training part to calibrate one on."
    if adapt != "frozen":
        note = (
            "There is no threshold: the encoder was tuned to the training speakers, and tells them "
            "apart better than others. Choose one on speakers of your own."
        )
    if calibration:
        note = (
            f"The threshold, {calibration.threshold:.4f}, is where misses equal false alarms "
            f"({calibration.eer:.2f} %) in {calibration.trials:,} trials among "
            f"{calibration.speakers:,} training speakers. The test list had no part in it."
        )
    return Card(
        title="Speaker verification",
        summary="Tells whether two utterances are of the same speaker, by the cosine of their "
        "embeddings.",
        code=USE.substitute(
            kind="SpeakerVerifier",
            call='model.score("a.wav", "b.wav")',
            made="# cosine" + SAME * bool(calibration),
        ),
        limit="A threshold holds for speech like that it was calibrated on: calibrate it anew "
        "for other rooms, microphones and languages. Voices are personal data.",
        notes=("The class scores by the cosine, as in the rows without a back-end's name.", note),
        trained=adapt != "frozen",
    )


def recogniser_card(results: Mapping[str, Any]) -> Card:
    """Of a model that writes words or phones; ``results`` is what ``results.json`` holds."""
    phones = "per" in results["metrics"]
    return Card(
        title=f"{'Phone' if phones else 'Speech'} recognition",
        summary=f"Writes down the {'phones' if phones else 'words'} of an utterance, by CTC.",
        code=USE.substitute(
            kind="SpeechRecognizer", call='model.transcribe("speech.wav")', made="# str"
        ),
        limit="It writes only what it has seen in its training transcripts, without punctuation.",
        pipeline_tag="automatic-speech-recognition",
        notes=(
            "The class decodes greedily, as for the scores whose names do not end in `_beam`; "
            "files of more than 30 s are cut into overlapping chunks.",
        ),
    )


def enhancer_card() -> Card:
    """Of a model that takes noise out of speech."""
    return Card(
        title="Speech enhancement",
        summary="Takes the noise out of speech, by a mask over its spectrum.",
        code=USE.substitute(
            kind="Enhancer", call='model.enhance("speech.wav")', made="# (samples,) at 16 kHz"
        ),
        limit="It knows the noise of its training. Speech in the background is speech to it, an "
        "echo stays, and what it takes for noise is lost: keep the recording.",
        pipeline_tag="audio-to-audio",
        notes=(
            "`si_sdr` is in dB, `stoi` in percent, `pesq` a mean opinion score (wide band); names "
            "that end in `_noisy` are of the recordings before enhancement. Files of more than "
            "30 s are cut into chunks that are faded into each other.",
        ),
    )
