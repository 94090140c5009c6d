"""Preparing MSP-Podcast (Lotfian & Busso, IEEE TAC 2019): emotional speech from podcasts.

Layout: `Audios/<FileName>` and `Labels/labels_consensus.csv` (`labels_concensus.csv` up to
release 1.8) with the columns FileName, EmoClass (one letter), SpkrID and Split_Set. The labels
of Test3 are hidden.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout
from mgf_brain.data.tables import read_table
from mgf_brain.errors import UserError

logger = logging.getLogger(__name__)

TABLE = "Labels/labels_con[sc]ensus.csv"
COLUMNS = ("FileName", "EmoClass", "SpkrID", "Split_Set")
EMOTIONS = {  # X, no agreement, is no class
    "A": "anger",
    "S": "sadness",
    "H": "happiness",
    "U": "surprise",
    "F": "fear",
    "D": "disgust",
    "C": "contempt",
    "N": "neutral",
    "O": "other",
}
SPLITS = {"Train": "train", "Development": "dev", "Validation": "dev"}  # and Test1, Test2, …
CLASSES = ("anger", "happiness", "sadness", "neutral")
UNKNOWN = "msp-unknown-"


@corpus_reader
def prepare_msp_podcast(root: Path, classes: Sequence[str] = CLASSES) -> Parts:
    """MSP-Podcast, its official split: train, dev, test1, test2 and whatever else has labels.

    Training leaves out utterances of unknown speaker, and those of speakers who are in the
    validation or a test part; validation those of test speakers. How many these are is logged.
    Test parts are as published: they share speakers with each other.

    Arguments
    ---------
    root : Path
        The folder that holds `Audios/` and `Labels/`; audio may be re-encoded.
    classes : sequence of str
        Emotions to keep, of anger, sadness, happiness, surprise, fear, disgust, contempt,
        neutral and other.

    Raises
    ------
    UserError
        If a class is unknown or the table is wrong.
    """
    classes = [classes] if isinstance(classes, str) else classes
    unknown = [name for name in classes if name not in EMOTIONS.values()]
    if unknown:
        raise UserError(
            f"classes: there is no emotion {unknown[0]!r}, only {', '.join(EMOTIONS.values())}."
        )
    check_layout(root, TABLE)
    return _keep_speakers_apart(_read(root, classes))


def _read(root: Path, classes: Sequence[str]) -> dict[str, list[Utterance]]:
    audio = audio_by_stem(root / "Audios")
    parts: dict[str, list[Utterance]] = {"train": [], "dev": []}
    for where, row in read_table(next(root.glob(TABLE)), COLUMNS):
        label = EMOTIONS.get(row["EmoClass"])
        if label in classes:
            id = Path(row["FileName"]).stem
            wav = str(audio.get(id, root / "Audios" / row["FileName"]))
            utterance = Utterance(id, 0.0, wav, _speaker(row["SpkrID"], id), label=label)
            parts.setdefault(_part(row["Split_Set"], where), []).append(utterance)
    return parts


def _part(split: str, where: str) -> str:
    if re.fullmatch(r"Test\d?", split):
        return split.lower()
    if split not in SPLITS:
        raise UserError(f"{where}: Split_Set must be Train, Development or Test1, not {split!r}.")
    return SPLITS[split]


def _speaker(name: str, id: str) -> str:
    """Each utterance of unknown speaker counts as a speaker of its own."""
    return UNKNOWN + id if name in ("", "Unknown") else f"msp-{name}"


def _keep_speakers_apart(
    parts: Mapping[str, Sequence[Utterance]],
) -> dict[str, Sequence[Utterance]]:
    train = [u for u in parts["train"] if not u.speaker.startswith(UNKNOWN)]
    _log_left_out("train", len(parts["train"]) - len(train), "of unknown speaker")
    tests = {part: rows for part, rows in parts.items() if part.startswith("test")}
    held_out = {u.speaker for rows in tests.values() for u in rows}
    dev = _without(parts["dev"], held_out, "dev")
    held_out |= {u.speaker for u in dev}
    return {"train": _without(train, held_out, "train"), "dev": dev, **tests}


def _without(rows: Sequence[Utterance], held_out: set[str], part: str) -> list[Utterance]:
    kept = [u for u in rows if u.speaker not in held_out]
    _log_left_out(part, len(rows) - len(kept), "of speakers who are in a later part, too")
    return kept


def _log_left_out(part: str, count: int, which: str) -> None:
    if count:  # a warning, since it is shown without any set-up
        logger.warning("%s: %d utterances %s left out", part, count, which)
