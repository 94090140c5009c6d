"""What the models that come with the package score on the fixed lists, by users' classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762, with_attribute
from mgf_brain.data.labels.transcripts import canonical_phones
from mgf_brain.data.labels.trials import Trials, read_trials
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.folder.shipped import AGE, PHONES, SEX, SPEAKERS
from mgf_brain.inference import SpeakerVerifier, SpeechRecognizer, UtteranceClassifier
from mgf_brain.metrics.classification import classification_scores
from mgf_brain.metrics.detection import eer, min_dcf
from mgf_brain.tasks.transcription.training import Transcript, error_rates

SMALL = 8  # every eighth utterance is the small list, which a test scores

Lists = dict[str, Any]  # of a head's name: trials, or utterances with a label or words
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


def small(rows: Trials | Sequence[Utterance]) -> Trials | list[Utterance]:
    """Every eighth utterance, and the trials between those.

    Example
    -------
    >>> small([Utterance(str(i), 1.0, "/a.wav", "s") for i in range(10)])[-1].id
    '8'
    """
    if not isinstance(rows, Trials):
        return list(rows[::SMALL])
    inside = (rows.pairs % SMALL == 0).all(1)
    pairs = rows.pairs[inside] // SMALL
    return Trials(rows.utterances[::SMALL], pairs, rows.same[inside])


def scores_of(model: Any, rows: Any) -> Scores:
    """Scores of a model on its list, by the names of ``mgf_brain.metrics.names``.

    Arguments
    ---------
    model : SpeechTask
    rows : Trials or list of Utterance

    Returns
    -------
    dict of str to float
        In percent; of a verifier with ``misses`` and ``false_alarms`` at its threshold.
    """
    if isinstance(model, SpeakerVerifier):
        return _verification(model, rows)
    if isinstance(model, UtteranceClassifier):
        named = [model.classify(u.wav)[0][0] for u in rows]
        truth = [model.labels.index(str(u.label)) for u in rows]
        return classification_scores(truth, list(map(model.labels.index, named)))
    assert isinstance(model, SpeechRecognizer)
    return error_rates(
        [Transcript(u, str(u.words), model.transcribe(u.wav)) for u in rows], phones=True
    )


def _verification(model: SpeakerVerifier, trials: Trials) -> Scores:
    embeddings = model.embed([u.wav for u in trials.utterances])
    scores = cosine_scores(embeddings, trials.pairs)
    split = scores[trials.same].numpy(), scores[~trials.same].numpy()
    found = {"eer": eer(*split), "min_dcf": min_dcf(*split)}
    if model.threshold is not None:
        found["misses"] = 100.0 * float(np.mean(split[0] < model.threshold))
        found["false_alarms"] = 100.0 * float(np.mean(split[1] >= model.threshold))
    return found
