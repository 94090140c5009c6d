"""Which utterances a pretraining recipe trains and validates on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from mgf_brain.data.embedded import make_embedded_corpus
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers

logger = get_logger(__name__)


def pretraining_utterances(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> tuple[list[Utterance], list[Utterance]]:
    """Prepare a corpus and split it by speaker.

    Arguments
    ---------
    hparams : mapping
        With ``data_folder`` (None: the embedded corpus), ``add_manifest``, ``save_folder``,
        ``train_parts`` and ``valid_parts`` (beginnings of the names of parts), ``valid_share``
        and ``seed``.
    prepare : callable
        ``prepare(data_folder, save_folder) -> {part: manifest}``.

    Returns
    -------
    tuple of two lists of Utterance
        Training and validation utterances. Validation is the corpus' own part; without one,
        ``valid_share`` of the training speakers, drawn by seed.

    Raises
    ------
    UserError
        If a speaker would be in both.
    """
    folder = hparams["data_folder"] or embedded_corpus_folder()
    if not hparams["data_folder"]:
        run_on_main(make_embedded_corpus, [str(folder)])
    manifests = Path(hparams["save_folder"]) / "manifests"
    run_on_main(prepare, [folder, manifests])
    parts = {path.stem: path for path in sorted(manifests.glob("*.csv"))}
    train = _read(parts, hparams["train_parts"])
    valid = _read(parts, hparams["valid_parts"])
    if hparams["add_manifest"]:
        train += read_manifest(hparams["add_manifest"])
    if not valid:
        train, valid = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    assert_disjoint_speakers(train=train, valid=valid)
    return train, valid


def embedded_corpus_folder() -> Path:
    """Where the embedded corpus is built: the working folder's ``data/embedded``."""
    return Path("data") / "embedded"


def _read(parts: Mapping[str, Path], beginning: str) -> list[Utterance]:
    rows = []
    for name, path in parts.items():
        if name.startswith(beginning):
            rows += read_manifest(path)
    return rows
