"""Preparing ADReSSo 2021 (Luz et al., Interspeech 2021), the task of telling Alzheimer's apart.

Layout: `diagnosis/train/audio/{ad,cn}/<id>.wav` (ad: probable Alzheimer's disease, cn: control)
and `diagnosis/test-dist/audio/<id>.wav`; one recording a speaker. The test part's labels were
published later, as `task1.csv` with the columns ID and Dx: put beside `diagnosis/`, it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout
from mgf_brain.data.tables import read_table
from mgf_brain.errors import UserError

LABELS = ("ad", "cn")
TEST_LABELS = "task1.csv"
DIAGNOSES = {"probablead": "ad", "ad": "ad", "control": "cn", "cn": "cn"}


@corpus_reader
def prepare_adresso(root: Path) -> Parts:
    """ADReSSo's diagnosis task: the parts train (166 speakers), and test (71) where it is there.

    A row is a speaker's whole recording, the interviewer's voice included; its label is `ad` or
    `cn`, absent where none is published. There are no official folds.

    Arguments
    ---------
    root : Path
        The folder that holds `diagnosis/`, and `task1.csv` if you have it; audio may be
        re-encoded.

    Raises
    ------
    UserError
        If `task1.csv` is wrong or lacks a speaker.
    """
    check_layout(root, "diagnosis/train/audio/*")
    return {"train": list(_read_train(root)), "test": list(_read_test(root))}


def _read_train(root: Path) -> Iterator[Utterance]:
    for label in LABELS:
        for id, path in audio_by_stem(root / "diagnosis/train/audio" / label).items():
            yield _utterance(id, path, label)


def _read_test(root: Path) -> Iterator[Utterance]:
    table = root / TEST_LABELS
    published = table.is_file()
    labels = dict(_read_labels(table)) if published else {}
    for id, path in audio_by_stem(root / "diagnosis/test-dist/audio").items():
        if published and id not in labels:
            raise UserError(f"{table} has no line for {id}. Restore the table, or remove it.")
        yield _utterance(id, path, labels.get(id))


def _read_labels(table: Path) -> Iterator[tuple[str, str]]:
    for where, row in read_table(table, ["ID", "Dx"]):
        label = DIAGNOSES.get(row["Dx"].lower())
        if label is None:
            raise UserError(f"{where}: Dx must be ProbableAD or Control, not {row['Dx']!r}.")
        yield row["ID"], label


def _utterance(id: str, path: Path, label: str | None) -> Utterance:
    return Utterance(id, 0.0, str(path), f"adresso-{id}", label=label)
