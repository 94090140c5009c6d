"""What the models that come with the package score on the fixed lists, by users' classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762, with_attribute
from mgf_brain.data.labels.transcripts import canonical_phones
from mgf_brain.data.labels.trials import Trials, read_trials
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.folder.shipped import AGE, PHONES, SEX, SPEAKERS
from mgf_brain.inference import SpeakerVerifier, SpeechRecognizer, UtteranceClassifier
from mgf_brain.inference.task import SpeechTask
from mgf_brain.metrics.classification import classification_scores
from mgf_brain.metrics.detection import eer, min_dcf
from mgf_brain.tasks.transcription.training import Transcript, error_rates

SMALL = 8  # every eighth utterance is the small list, which a test scores

Rows = Trials | list[Utterance]  # with a label or words
Lists = dict[str, Rows]  # by the head's name
Scores = dict[str, float]


def fixed_lists(data: str | Path, protocol: str | Path, folder: Path) -> Lists:
    """The list of each head: the test part of speechocean762, whose speakers no training heard.

    Arguments
    ---------
    data, protocol : str or Path
        Folders of the corpora and of the lists.
    folder : Path
        Where the manifests go.

    Returns
    -------
    dict of str to (Trials or list of Utterance)
    """
    root = Path(data) / "speechocean762"
    test = read_manifest(prepare_speechocean762(root, folder)["test"])
    phones = canonical_phones(root)
    said = [replace(u, words=" ".join(phones[u.id])) for u in test if u.id in phones]
    return {
        SPEAKERS: read_trials(Path(protocol) / "speechocean762_trials.txt", data),
        SEX: with_attribute(test, root, "sex"),
        AGE: with_attribute(test, root, "age_group"),
        PHONES: said,
    }


def utterances_of(rows: Rows) -> list[Utterance]:
    """Those of a list, in the order of what is said of them."""
    return rows.utterances if isinstance(rows, Trials) else list(rows)


def small(rows: Rows) -> Rows:
    """Every eighth utterance, and the trials between those.

    Example
    -------
    >>> small([Utterance(str(i), 1.0, "/a.wav", "s") for i in range(10)])[-1].id
    '8'
    """
    if not isinstance(rows, Trials):
        return rows[::SMALL]
    inside = (rows.pairs % SMALL == 0).all(1)
    return Trials(rows.utterances[::SMALL], rows.pairs[inside] // SMALL, rows.same[inside])


def said_of(model: SpeechTask, rows: Rows) -> list[Any]:
    """What a model says of each utterance of a list, by the method that users call.

    Returns
    -------
    list
        Vectors (E,), labels or phones.
    """
    paths = [str(u.wav) for u in utterances_of(rows)]
    if isinstance(model, SpeakerVerifier):
        return list(model.embed(paths))
    if isinstance(model, UtteranceClassifier):
        return [ranked[0][0] for ranked in model.classify(paths)]
    assert isinstance(model, SpeechRecognizer)
    return model.transcribe(paths)


def scores_of(model: SpeechTask, rows: Rows, said: Sequence[Any]) -> Scores:
    """Scores of a model on its list, by the names of ``mgf_brain.metrics.names``.

    Arguments
    ---------
    model : SpeechTask
    rows : Trials or list of Utterance
    said : sequence
        See ``said_of``.

    Returns
    -------
    dict of str to float
        In percent; of a verifier with ``misses`` and ``false_alarms`` at its threshold.
    """
    if isinstance(rows, Trials):
        assert isinstance(model, SpeakerVerifier)
        return _verification(rows, torch.stack(list(said)), model.threshold)
    if isinstance(model, UtteranceClassifier):
        truth = [str(u.label) for u in rows]
        return classification_scores(*(list(map(model.labels.index, x)) for x in (truth, said)))
    pairs = zip(rows, said, strict=True)
    return error_rates([Transcript(u, str(u.words), text) for u, text in pairs], phones=True)


def _verification(trials: Trials, embeddings: torch.Tensor, threshold: float | None) -> Scores:
    scores = cosine_scores(embeddings, trials.pairs)
    split = scores[trials.same].numpy(), scores[~trials.same].numpy()
    found = {"eer": eer(*split), "min_dcf": min_dcf(*split)}
    if threshold is not None:
        found["misses"] = 100.0 * float(np.mean(split[0] < threshold))
        found["false_alarms"] = 100.0 * float(np.mean(split[1] >= threshold))
    return found
