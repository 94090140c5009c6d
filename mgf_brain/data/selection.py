"""Which utterances a pretraining recipe trains and validates on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from mgf_brain.data.corpora.embedded.build import make_embedded_corpus
from mgf_brain.data.corpora.own import read_added
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.preparation.summary import read_summary
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.errors import UserError
from mgf_brain.keyed_random import make_key

logger = get_logger(__name__)


def pretraining_utterances(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> tuple[list[Utterance], list[Utterance]]:
    """Prepare a corpus and split it by speaker.

    Arguments
    ---------
    hparams : mapping
        With ``data_folder`` (None: the embedded corpus), ``add_manifest``, ``save_folder``,
        ``max_bad_share``, ``train_parts``, ``valid_parts`` and ``test_parts`` (beginnings of the
        names of parts), ``shortest_utterance``, ``valid_share``, ``valid_seconds`` and ``seed``.
    prepare : callable
        ``prepare(data_folder, save_folder, max_bad_share=…) -> {part: manifest}``.

    Returns
    -------
    tuple of two lists of Utterance
        Training and validation utterances. Validation is the corpus' own part; without one,
        ``valid_share`` of the training speakers, drawn by seed. Of either no more than
        ``valid_seconds``.

    Raises
    ------
    UserError
        If there is nothing to train on, two utterances have the same id, or a speaker would be
        in two of training, validation and the corpus' test parts.
    """
    folder = hparams["data_folder"] or embedded_corpus_folder()
    if not hparams["data_folder"]:
        run_on_main(make_embedded_corpus, [str(folder)])
    manifests = Path(hparams["save_folder"]) / "manifests"
    run_on_main(prepare, [folder, manifests], {"max_bad_share": hparams["max_bad_share"]})
    # Not every manifest there: a run that failed may have left those of another corpus.
    parts = {name: manifests / f"{name}.csv" for name in sorted(read_summary(manifests)["parts"])}
    train = _read(parts, hparams["train_parts"])
    valid = _read(parts, hparams["valid_parts"])
    if not train:
        raise UserError(
            f"data_folder {folder} has no part named {hparams['train_parts']}*, only "
            f"{', '.join(parts)}. Check data_folder and train_parts."
        )
    if hparams["add_manifest"]:
        added = hparams["add_manifest"], hparams["save_folder"], hparams["max_bad_share"]
        train += read_added(*added)
    refuse_repeated_ids(train + valid)
    train = _drop_short(train, hparams["shortest_utterance"])
    if not valid:
        train, valid = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    valid = _drop_short(valid, hparams["shortest_utterance"])
    test = _read(parts, hparams["test_parts"])
    assert_disjoint_speakers(train=train, valid=valid, test=test)
    return train, draw_seconds(valid, hparams["valid_seconds"], hparams["seed"])


def draw_seconds(utterances: Sequence[Utterance], seconds: float, seed: int) -> list[Utterance]:
    """A random part of utterances that lasts about as long as asked.

    Arguments
    ---------
    utterances : sequence of Utterance
    seconds : float
        Total duration; all utterances if they last no longer.
    seed : int
        Of the draw, which each utterance's id decides: the order of the rows does not matter.

    Returns
    -------
    list of Utterance
        At least one.

    Example
    -------
    >>> rows = [Utterance(str(i), 1.0, f"/{i}.wav", "s") for i in range(9)]
    >>> len(draw_seconds(rows, 3.0, seed=0)), len(draw_seconds(rows, 99.0, seed=0))
    (3, 9)
    """
    order = sorted(utterances, key=lambda u: make_key(seed, "draw", u.id))
    totals = itertools.accumulate(u.duration for u in order)
    return [u for u, total in zip(order, totals, strict=True) if total - u.duration < seconds]


def refuse_repeated_ids(utterances: Sequence[Utterance]) -> None:
    """Raise a UserError if two utterances have one id: they would be each other's positives.

    Example
    -------
    >>> refuse_repeated_ids([Utterance("a", 1.0, f"/{name}.wav", "s") for name in "ab"])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: the id a is both /a.wav and /b.wav. Rename one in the manifest.
    """
    seen: dict[str, str] = {}
    for utterance in utterances:
        if utterance.id in seen:
            raise UserError(
                f"the id {utterance.id} is both {seen[utterance.id]} and {utterance.wav}. "
                "Rename one in the manifest."
            )
        seen[utterance.id] = str(utterance.wav)


def _drop_short(utterances: Sequence[Utterance], shortest: float) -> list[Utterance]:
    kept = [u for u in utterances if u.duration >= shortest]
    if len(kept) < len(utterances):
        logger.info("%d utterances under %s s left out", len(utterances) - len(kept), shortest)
    return kept


def embedded_corpus_folder() -> Path:
    """Where the embedded corpus is built: the working folder's ``data/embedded``."""
    return Path("data") / "embedded"


def _read(parts: Mapping[str, Path], beginning: str) -> list[Utterance]:
    rows = []
    for name, path in parts.items():
        if name.startswith(beginning):
            rows += read_manifest(path)
    return rows
