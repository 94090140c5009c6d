"""The model card of a pretrained folder, filled from the run that trained it."""

from __future__ import annotations

from pathlib import Path
from pydoc import locate
from string import Template
from typing import Any

from mgf_brain.folder.card import (
    NOT_STATED,
    TASK,
    data_licences,
    is_embedded,
    metadata,
    public_path,
)
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.papers import papers_of
from mgf_brain.pretraining.scales import CRITERION, find_scales, markdown_table
from mgf_brain.run.plain import read_plain

EMBEDDED = (
    "the synthetic speech that mgf_brain builds (eSpeak NG), which serves as a smoke run only"
)

CARD = Template("""\
---
$metadata
---

# $system: a self-supervised speech encoder

Maps a waveform to the states of every layer of its encoder, frame by frame, and to one vector an
utterance. Trained without labels by mgf_brain, a collection of recipes for SpeechBrain.

| | |
|---|---|
$facts

## Data

$hours hours of speech: $utterances utterances of $speakers speakers, from $corpus.$before
Licence of the data: $licence.

## Objectives

The loss is the weighted sum of these.

| scale | objective | weight |
|---|---|---:|
$objectives

## Validation

On speakers that are not among the training speakers. $criterion

$validation

Training took $minutes minutes at $throughput seconds of audio per second.

## Use

```python
import torch
from mgf_brain.data.audio import read_audio
from mgf_brain.inference import SpeechEncoder

encoder = SpeechEncoder.from_pretrained("path/to/this/folder")
wav = read_audio("speech.wav", encoder.sample_rate)  # mono, (samples,)
wavs, lengths = wav[None], torch.tensor([len(wav)])
states, frame_lengths = encoder.encode(wavs, lengths)  # one (1, frames, channels) a layer
embedding = encoder.embed(wavs, lengths)  # (1, channels), to be compared by cosine
```

Loading builds models of mgf_brain alone: a folder that names anything else is refused.

## Limits

- It has heard the data above and no more: other languages, noise, far microphones, telephone
  bandwidth and voices unlike the training speakers' may be represented poorly.
- The states carry the speaker's identity and emotion: treat them as personal data where the speech
  is.
- The losses above compare a run with trivial predictions. They do not say how well the states
  serve a task; measure that with the recipe of the task.
- The weights come under the licence of the data they were trained on.
$citation""")


def model_card(resolved_yaml: str, results: dict[str, Any], speech: SpeechModel) -> str:
    """Write the model card.

    Only what is listed here is taken from the run, so no path of the training machine gets in.

    Arguments
    ---------
    resolved_yaml : str
        The run's HyperPyYAML text without references.
    results : dict
        What ``results.json`` holds.
    speech : SpeechModel
        What was trained.

    Returns
    -------
    str
        Markdown that starts with the hub's metadata.
    """
    hparams = read_plain(resolved_yaml, "the run's hyperparameters")
    data, time, system = results["data"], results["time"], Path(results["hparams"]).stem
    licences, initial = data_licences(hparams), results.get("initial")
    if initial:
        licences[initial["name"]] = initial["licence"]
    return CARD.substitute(
        metadata=metadata(system, TASK, hparams, results, list(licences.values())).to_yaml(),
        system=system,
        licence=", ".join(f"{x or NOT_STATED} ({whose})" for whose, x in licences.items()),
        facts="\n".join(
            f"| {name} | {value} |" for name, value in _facts(hparams, results, speech)
        ),
        hours=f"{data['hours']:.2f}",
        utterances=f"{data['utterances']:,}",
        speakers=f"{data['speakers']:,}",
        corpus=_corpus(hparams),
        before=f" Before that, it was `{initial['name']}`, and heard its data." if initial else "",
        objectives="\n".join(_objectives(hparams)),
        criterion=CRITERION,
        validation=_validation(hparams, results),
        minutes=f"{time['wall_s'] / 60:.0f}",
        throughput=f"{time['audio_s_per_s']:.0f}",
        citation=_citation(hparams),
    )


def _facts(
    hparams: dict[str, Any], results: dict[str, Any], speech: SpeechModel
) -> list[tuple[str, str]]:
    rate, hop, encoder = hparams["sample_rate"], speech.front_end.hop, speech.encoder
    initial = results.get("initial")
    made_of = f"`{initial['name']}`, weights {initial['fingerprint'][:8]}" if initial else ""
    return [
        ("parameters", f"{results['model']['parameters']:,}"),
        ("front-end", type(speech.front_end).__name__),
        ("encoder", type(encoder).__name__),
        ("states", f"{encoder.num_states} of {encoder.dim} channels"),
        ("sampling rate", f"{rate:,} Hz"),
        ("frame hop", f"{1000 * hop / rate:g} ms ({hop} samples)"),
        *([("continued from", made_of)] if initial else []),
        ("optimizer steps", f"at most {hparams['optimizer_step_limit']:,}"),
        ("seed", str(results["seed"])),
        ("trained with", f"`{public_path(results['recipe'])} {public_path(results['hparams'])}`"),
        ("versions", ", ".join(f"{k} {v}" for k, v in results["versions"].items())),
    ]


def _corpus(hparams: dict[str, Any]) -> str:
    corpus = EMBEDDED if is_embedded(hparams) else hparams["corpus"]
    return corpus + (", and more by a manifest" if hparams.get("add_manifest") else "")


def _validation(hparams: dict[str, Any], results: dict[str, Any]) -> str:
    """The table of losses, and of which weights they are where those are not what is kept."""
    table = markdown_table(find_scales(results["metrics"].get("validation", {})))
    if hparams.get("average_from") is None:
        return table
    return f"{table}\n\nThe losses are those of the last weights; what is kept is a mean of them."


def _objectives(hparams: dict[str, Any]) -> list[str]:
    """Rows of the objectives in use."""
    return [
        f"| {name} | {_made_by(hparams['objectives'][name]).rpartition('.')[2]} | {weight} |"
        for name, weight in _weights(hparams).items()
    ]


def _weights(hparams: dict[str, Any]) -> dict[str, str]:
    """Of the objectives in use, as text; in the yaml a number or a ``Ramp``."""
    weights = {
        name: _ramp(next(iter(node.values()))) if isinstance(node, dict) else node
        for name, node in hparams["weights"].items()
    }
    return {
        name: str(weight) if isinstance(weight, Ramp) else f"{weight:g}"
        for name, weight in weights.items()
        if weight
    }


def _ramp(arguments: dict[str, float] | list[float]) -> Ramp:
    return Ramp(**arguments) if isinstance(arguments, dict) else Ramp(*arguments)


def _citation(hparams: dict[str, Any]) -> str:
    """What to cite for the objectives in use, and for speech that was mixed; "" for nothing."""
    used = [hparams["objectives"][name] for name in _weights(hparams)]
    parts = [*used, hparams.get("augmentation")]
    classes = [locate(_made_by(part)) for part in parts if part]
    papers = papers_of(classes)
    entries = [f"{paper.text}\n\n```bibtex\n{paper.entry}\n```\n" for paper in papers]
    return "\n".join(["\n## Citation\n", *entries]) if entries else ""


def _made_by(node: dict[str, Any]) -> str:
    """The full name of an object's class in the yaml, ``{"!new:package.Class": ...}``."""
    return next(iter(node)).partition(":")[2]
