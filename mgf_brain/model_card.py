"""The model card of a pretrained folder, filled from the run that trained it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from mgf_brain.citations import papers_of
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.run_folder import read_plain
from mgf_brain.scales import find_scales, markdown_table

TAGS = ["speechbrain", "pytorch", "speech", "self-supervised", "mgf_brain"]
TASK = "feature-extraction"
# The hub's names of licences; any other is "other", with a name of its own.
HUB_LICENCES = ("apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")
HUB_LICENCES += ("cc-by-nc-sa-4.0", "odbl")
EMBEDDED = (
    "the synthetic speech that mgf_brain builds (eSpeak NG), which serves as a smoke run only"
)
EMBEDDED_LICENCE = "Apache-2.0"  # of its sentences, as of all of mgf_brain
NOT_STATED = "not stated"

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

$hours hours of speech: $utterances utterances of $speakers speakers, from $corpus.
Licence of the data: $licence.

## Objectives

The loss is the weighted sum of these.

| scale | objective | weight |
|---|---|---:|
$objectives

## Validation

On speakers that are not among the training speakers. A scale counts as learning only when its loss
is below both that of the best constant and that of the copied input.

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

## Citation

$citations
""")


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
    licences = data_licences(hparams)
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
        objectives="\n".join(_objectives(hparams)),
        validation=markdown_table(find_scales(results["metrics"].get("validation", {}))),
        minutes=f"{time['wall_s'] / 60:.0f}",
        throughput=f"{time['audio_s_per_s']:.0f}",
        citations="\n\n".join(_citations(hparams)),
    )


def metadata(
    name: str,
    task: str | None,
    hparams: Mapping[str, Any],
    results: Mapping[str, Any],
    licences: Sequence[str | None],
) -> ModelCardData:
    """What the hub sorts and searches models by.

    Arguments
    ---------
    name : str
        The model's.
    task : str, optional
        The hub's name of the task.
    hparams : mapping
        The run's.
    results : mapping
        What ``results.json`` holds.
    licences : sequence of str
        Those of all data that the weights come from; None: not known, and none is named then.

    Returns
    -------
    huggingface_hub.ModelCardData
        With a result for every score.

    Example
    -------
    >>> results = {"metrics": {"uar": 61.5, "folds": {"03": {"uar": 60.0}}}}
    >>> data = metadata("emotion", None, {"corpus": "EmoDB"}, results, ["CC BY 4.0"])
    >>> data.license, [(r.metric_type, r.metric_value) for r in data.eval_results]
    ('cc-by-4.0', [('uar', 61.5), ('folds 03 uar', 60.0)])
    """
    corpus = str(hparams.get("corpus", "own"))
    return ModelCardData(
        library_name="speechbrain",
        pipeline_tag=task,
        tags=TAGS,
        language=hparams.get("language"),
        model_name=name,
        eval_results=[
            EvalResult(task or TASK, _slug(corpus), corpus, metric, value)
            for metric, value in _scores(results["metrics"])
        ],
        **_licence_fields(licences),
    )


def _licence_fields(licences: Sequence[str | None]) -> dict[str, str]:
    names = sorted({_slug(licence) for licence in licences if licence})
    if not names or None in licences:
        return {}
    if len(names) == 1 and names[0] in HUB_LICENCES:
        return {"license": names[0]}
    return {"license": "other", "license_name": "-and-".join(names)}


def _slug(text: str) -> str:
    """As the hub writes names: "CC BY 4.0" is "cc-by-4.0"."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def _scores(metrics: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, float]]:
    """All numbers, those of each fold or scale with its name before theirs."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _scores(value, f"{within}{name} ")
        elif isinstance(value, (int, float)) and math.isfinite(value):
            yield f"{within}{name}", value


def is_embedded(hparams: Mapping[str, Any]) -> bool:
    """Whether a run read the corpus that mgf_brain builds, having been given no other.

    Example
    -------
    >>> is_embedded({"data_folder": None}), is_embedded({"data_folder": "/corpora/LibriSpeech"})
    (True, False)
    """
    return not (hparams.get("data_folder", True) or hparams.get("manifest"))


def data_licences(hparams: Mapping[str, Any]) -> dict[str, str | None]:
    """The licence of each part of the speech that a run read, None where it is not stated.

    Example
    -------
    >>> data_licences({"licence": "CC BY 4.0", "add_manifest": "more.csv", "corpus": "WSJ"})
    {'WSJ': 'CC BY 4.0', 'the manifest': None}
    """
    own = EMBEDDED_LICENCE if is_embedded(hparams) else hparams.get("licence")
    licences = {hparams.get("corpus", "your own"): own}
    if hparams.get("add_manifest"):
        licences["the manifest"] = hparams.get("add_licence")
    return licences


def _facts(
    hparams: dict[str, Any], results: dict[str, Any], speech: SpeechModel
) -> list[tuple[str, str]]:
    rate, hop, encoder = hparams["sample_rate"], speech.front_end.hop, speech.encoder
    return [
        ("parameters", f"{results['model']['parameters']:,}"),
        ("front-end", type(speech.front_end).__name__),
        ("encoder", type(encoder).__name__),
        ("states", f"{encoder.num_states} of {encoder.dim} channels"),
        ("sampling rate", f"{rate:,} Hz"),
        ("frame hop", f"{1000 * hop / rate:g} ms ({hop} samples)"),
        ("optimizer steps", f"at most {hparams['optimizer_step_limit']:,}"),
        ("seed", str(results["seed"])),
        ("trained with", f"`{public_path(results['recipe'])} {public_path(results['hparams'])}`"),
        ("versions", ", ".join(f"{k} {v}" for k, v in results["versions"].items())),
    ]


def public_path(path: str) -> str:
    """A path inside the repository as it is, of any other only the name.

    Example
    -------
    >>> public_path("hparams/mgf.yaml"), public_path("../mine/mgf.yaml")
    ('hparams/mgf.yaml', 'mgf.yaml')
    """
    inside = not Path(path).is_absolute() and ".." not in Path(path).parts
    return path if inside else Path(path).name


def _corpus(hparams: dict[str, Any]) -> str:
    corpus = EMBEDDED if is_embedded(hparams) else hparams["corpus"]
    return corpus + (", and more by a manifest" if hparams.get("add_manifest") else "")


def _objectives(hparams: dict[str, Any]) -> list[str]:
    """Rows of the objectives in use."""
    return [
        f"| {name} | {_class_name(hparams['objectives'][name])} | {weight:g} |"
        for name, weight in hparams["weights"].items()
        if weight
    ]


def _citations(hparams: dict[str, Any]) -> list[str]:
    """What to cite for the objectives in use, and for speech that was mixed."""
    used = [name for name, weight in hparams["weights"].items() if weight]
    classes = [_class_name(hparams["objectives"][name]) for name in used]
    if hparams.get("augmentation"):
        classes.append(_class_name(hparams["augmentation"]))
    return [f"{paper.text}\n\n```bibtex\n{paper.entry}\n```" for paper in papers_of(classes)]


def _class_name(node: dict[str, Any]) -> str:
    """The class of an object in the yaml: ``{"!new:package.Class": ...}``."""
    return next(iter(node)).rpartition(".")[2]
