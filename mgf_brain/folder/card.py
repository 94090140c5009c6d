"""What the model cards of all folders share: metadata for the hub, licences, paths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

TASK = "feature-extraction"  # of an encoder, in the hub's words
TAGS = ["speechbrain", "pytorch", "speech", "self-supervised", "mgf_brain"]
# The hub's names of licences; any other is "other", with a name of its own.
HUB_LICENCES = ("apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")
HUB_LICENCES += ("cc-by-nc-sa-4.0", "odbl")
EMBEDDED_LICENCE = "Apache-2.0"  # of its sentences, as of all of mgf_brain
NOT_STATED = "not stated"


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
    licence, licence_name = _licence(licences)
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
        license=licence,
        license_name=licence_name,
    )


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


def public_path(path: str) -> str:
    """A path inside the repository as it is, of any other only the name.

    Example
    -------
    >>> public_path("hparams/mgf.yaml"), public_path("../mine/mgf.yaml")
    ('hparams/mgf.yaml', 'mgf.yaml')
    """
    inside = not Path(path).is_absolute() and ".." not in Path(path).parts
    return path if inside else Path(path).name


def _licence(licences: Sequence[str | None]) -> tuple[str | None, str | None]:
    """One that the hub knows; or "other", and a name."""
    names = sorted({_slug(licence) for licence in licences if licence})
    if not names or None in licences:
        return None, None
    if len(names) == 1 and names[0] in HUB_LICENCES:
        return names[0], None
    inside = {a for a in names for b in names if a != b and f"-and-{a}-" in f"-and-{b}-and-"}
    return "other", "-and-".join(name for name in names if name not in inside)  # each said once


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
