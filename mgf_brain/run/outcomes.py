"""What a run made of each test utterance: ``outcomes.csv``, by which runs can be compared.

A row an utterance, with ``id`` and ``speaker``. A class has ``label`` and ``predicted``; a rate has
a column of its score's name and one that ends in ``_of`` (right labels of all, errors of words); a
mean has its values, an empty field where there is none. Trials stand in ``scores.txt`` instead.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, open_text, refuse_large
from mgf_brain.metrics.resampling import SpeakerRatios

OUTCOMES_FILE = "outcomes.csv"
OF = "_of"

Columns = Mapping[str, Sequence[str] | Sequence[float] | np.ndarray]


def write_outcomes(
    folder: str | os.PathLike, utterances: Sequence[Utterance], columns: Columns
) -> None:
    """Write a run's outcomes, whole or not at all.

    Arguments
    ---------
    folder : str or os.PathLike
        The run's output folder.
    utterances : sequence of Utterance
        All that were tested.
    columns : mapping of str to sequence
        (utterances,) each, texts or numbers: see ``counted``.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> rows = [Utterance(id, 1.0, "/a.wav", "s") for id in ("u1", "u2")]
    >>> write_outcomes(folder, rows, {"label": ["calm", "cross"], "predicted": ["calm", "calm"]})
    >>> print((folder / "outcomes.csv").read_text(), end="")
    id,speaker,label,predicted
    u1,s,calm,calm
    u2,s,cross,calm
    >>> list(read_outcomes(folder))
    ['uar', 'wa', 'f1_micro']
    """
    cells = [np.asarray(column).tolist() for column in columns.values()]
    with open_atomic(Path(folder) / OUTCOMES_FILE) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "speaker", *columns])
        for u, *row in zip(utterances, *cells, strict=True):
            writer.writerow([u.id, u.speaker, *map(_cell, row)])


def counted(counts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of rates.

    Arguments
    ---------
    counts : mapping of str to numpy.ndarray
        By score: (utterances, 2), what is counted and what it is of; 0 and 0 of an utterance that
        the score is not of.

    Example
    -------
    >>> {name: x.tolist() for name, x in counted({"wer": np.array([[1, 4], [0, 3]])}).items()}
    {'wer': [1, 0], 'wer_of': [4, 3]}
    """
    return {f"{name}{end}": rows[:, i] for name, rows in counts.items() for i, end in _ENDS}


_ENDS = ((0, ""), (1, OF))


def read_outcomes(folder: str | os.PathLike) -> dict[str, SpeakerRatios]:
    """The scores that a run's outcomes allow to be drawn anew, by name.

    Arguments
    ---------
    folder : str or os.PathLike
        The run's output folder.

    Returns
    -------
    dict of str to SpeakerRatios
        Empty where a run left no outcomes.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    path = Path(folder) / OUTCOMES_FILE
    if not path.is_file():
        return {}
    columns = _columns(path)
    speakers = columns.pop("speaker")
    del columns["id"]
    try:
        if "label" in columns:
            return _classes(speakers, columns["label"], columns["predicted"])
        return {name: _ratios(name, speakers, columns) for name in columns if not name.endswith(OF)}
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}). Delete it and run the task anew.") from error


def outcome_rows(path: Path) -> list[tuple[str, ...]]:
    """Id, speaker and, of classes, the label of each test utterance; see ``read_outcomes``."""
    columns = _columns(path)
    return list(zip(*(columns[k] for k in ("id", "speaker", "label") if k in columns), strict=True))


def _columns(path: Path) -> dict[str, list[str]]:
    refuse_large(path, most_mb=500)
    with open_text(path, newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if header[:2] != ["id", "speaker"] or {len(row) for row in rows} != {len(header)}:
        raise UserError(f"{path} is damaged. Delete it and run the task anew.")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def _classes(
    speakers: list[str], labels: list[str], predicted: list[str]
) -> dict[str, SpeakerRatios]:
    right = np.array(labels) == np.array(predicted)
    ones = np.ones(len(right))
    accuracy = SpeakerRatios.of(speakers, right, ones)
    uar = SpeakerRatios.of(speakers, right, ones, labels)
    return {"uar": uar, "wa": accuracy, "f1_micro": accuracy}


def _ratios(name: str, speakers: list[str], columns: Mapping[str, list[str]]) -> SpeakerRatios:
    """Of the utterances that the score is of: nobody else is drawn, or counted as a speaker."""
    values = np.array([float(cell or 0.0) for cell in columns[name]])
    whole = name + OF in columns
    counts = columns[name + OF] if whole else [cell != "" for cell in columns[name]]
    counts = np.array(counts, dtype=np.float64)
    kept = counts > 0
    heard = [speaker for speaker, one in zip(speakers, kept, strict=True) if one]
    scale = 100.0 if whole else 1.0
    return SpeakerRatios.of(heard, values[kept], counts[kept], scale=scale)


def _cell(value: str | float) -> str | float:
    return "" if isinstance(value, float) and not math.isfinite(value) else value
