"""Utterances with a phone label every 10 ms: what recipes on such labels train on and score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from mgf_brain.data.labels.phone_labels import (
    check_label_lengths,
    choose_utterances,
    read_class_names,
    read_phone_labels,
    split_by_lists,
)
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.downstream.run import corpus_folder, corpus_parts, parts_named

# Training and test utterances, the labels of both by id, and the names of the classes.
Labelled = tuple[list[Utterance], list[Utterance], dict[str, torch.Tensor], list[str]]


def labelled_utterances(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> Labelled:
    """Labelled utterances to train on and to score, the labels of each, the classes' names.

    Arguments
    ---------
    hparams : mapping
        With what ``corpus_parts`` reads, ``phone_labels``, ``phone_splits``, ``train_parts``,
        ``test_parts``, ``valid_share`` and ``seed``.
    prepare : callable
        ``prepare(data_folder, save_folder, max_bad_share=…) -> {part: manifest}``.

    Returns
    -------
    tuple
        Training and test utterances, labels by id, names by class. Without two lists in
        ``phone_splits``, by the corpus's parts, which must share no speaker.

    Raises
    ------
    UserError
        If labels or lists are missing or don't fit the corpus.
    """
    parts = corpus_parts(hparams, prepare)
    path = str(hparams["phone_labels"] or corpus_folder(hparams) / "phones_41.txt")
    labels = read_phone_labels(path)
    names = read_class_names(path, labels.values())
    if hparams["phone_splits"]:
        labelled = choose_utterances(parts_named(parts, ""), labels, path)
        lists = [part.strip() for part in hparams["phone_splits"].split(",")]
        train, test = split_by_lists(labelled, lists, "phone_splits")
    else:
        train = choose_utterances(parts_named(parts, hparams["train_parts"]), labels, path)
        test = choose_utterances(parts_named(parts, hparams["test_parts"]), labels, path)
        assert_disjoint_speakers(train=train, test=test)
    if hparams["valid_share"]:
        train, test = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    check_label_lengths([*train, *test], labels, hparams["max_bad_share"])
    return train, test, labels, names
