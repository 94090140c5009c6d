"""Preparing speechocean762 (OpenSLR 101): non-native English, train and test, Kaldi-style tables.

Layout: `train/` and `test/` with `wav.scp`, `utt2spk` and `text`, lines `<utterance> <value>`;
audio in `WAVE/SPEAKER<speaker>/<utterance>.WAV`, re-encoded or not: the stem counts.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mgf_brain.data.audio_files import audio_among
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

SPEAKER_PREFIX = "so762-"  # LibriSpeech's speakers are plain numbers too
# Half of the speakers are children (Zhang et al., 2021, "speechocean762"). 18 is the legal age; of
# the 190 speakers looked at, the children are 6 to 15 and the adults 19 and more, so that any
# boundary between gives the same labels.
ADULT_AGE = 18  # years
TABLES = {"sex": "spk2gender", "age_group": "spk2age"}


@corpus_reader
def prepare_speechocean762(root: Path) -> Parts:
    """speechocean762: train and test.

    Arguments
    ---------
    root : Path
        The folder that holds `train/`, `test/` and `WAVE/`.

    Raises
    ------
    UserError
        If a table is missing, or a line of it is wrong.
    """
    return {part: list(_read_part(root, part)) for part in ("train", "test")}


def with_attribute(
    utterances: Iterable[Utterance], data_folder: str | os.PathLike, attribute: str
) -> list[Utterance]:
    """speechocean762's utterances, labelled with an attribute of their speaker.

    Arguments
    ---------
    utterances : iterable of Utterance
        From the corpus's manifests.
    data_folder : str or os.PathLike
        The corpus, with its tables `spk2gender` and `spk2age` in `train/` and `test/`.
    attribute : str
        `sex` (labels `m`, `f`) or `age_group` (labels `child`, `adult`).

    Returns
    -------
    list of Utterance
        In their order, with `label` set.

    Raises
    ------
    UserError
        If there is no such attribute, a table is missing or wrong (with its line), or it lacks a
        speaker.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for part, line in (("train", "0001\\t6\\n"), ("test", "0024\\t25\\n")):
    ...     (folder / part).mkdir()
    ...     _ = (folder / part / "spk2age").write_text(line)
    >>> rows = [Utterance("u", 1.0, "/u.wav", "so762-0024")]
    >>> with_attribute(rows, folder, "age_group")[0].label
    'adult'
    """
    if attribute not in TABLES:
        raise UserError(f"attribute: expected one of {', '.join(TABLES)}, got {attribute!r}.")
    labels = speaker_attribute(data_folder, attribute)
    utterances = list(utterances)
    missing = sorted({u.speaker for u in utterances} - labels.keys())
    if missing:
        raise UserError(
            f"{Path(data_folder)}/*/{TABLES[attribute]} lack {len(missing)} speakers, such as "
            f"{missing[0]}. Label speechocean762's manifests only."
        )
    return [dataclasses.replace(u, label=labels[u.speaker]) for u in utterances]


def speaker_attribute(data_folder: str | os.PathLike, attribute: str) -> dict[str, str]:
    """An attribute of all of the corpus's speakers.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus.
    attribute : str
        `sex` or `age_group`.

    Returns
    -------
    dict of str to str
        Label by speaker, whose name is that of the manifests (`so762-0001`).

    Raises
    ------
    UserError
        If a table is missing, or a line is wrong.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for part, line in (("train", "0001\\tm\\n"), ("test", "0024\\tf\\n")):
    ...     (folder / part).mkdir()
    ...     _ = (folder / part / "spk2gender").write_text(line)
    >>> speaker_attribute(folder, "sex")
    {'so762-0001': 'm', 'so762-0024': 'f'}
    """
    labels = {}
    for part in ("train", "test"):
        path = Path(data_folder) / part / TABLES[attribute]
        for number, line in read_lines(path, "data_folder"):
            fields = line.split()
            label = _label(attribute, fields[1:])
            if label is None:
                raise UserError(f"{path} line {number}: no speaker with {attribute} in {line!r}.")
            labels[SPEAKER_PREFIX + fields[0]] = label
    return labels


def _read_part(root: Path, part: str) -> Iterator[Utterance]:
    speakers = _read_table(root / part / "utt2spk")
    words = _read_table(root / part / "text")
    for id, wav in _read_table(root / part / "wav.scp").items():
        if id not in speakers:
            raise UserError(f"{root / part / 'utt2spk'} has no line for {id}. Restore the table.")
        path = _find_by_stem(root / wav)
        yield Utterance(id, 0.0, str(path), SPEAKER_PREFIX + speakers[id], words.get(id))


def _read_table(path: Path) -> dict[str, str]:
    table = {}
    for number, line in read_lines(path, "data_folder"):
        fields = line.split(maxsplit=1)
        if len(fields) != 2:
            raise UserError(f"{path} line {number}: expected '<utterance> <value>', got {line!r}.")
        table[fields[0]] = fields[1].strip()
    return table


def _find_by_stem(path: Path) -> Path:
    """The named file, or one with its stem beside it, or the name as it is if there is none."""
    return path if path.is_file() else _stems(path.parent).get(path.stem, path)


@functools.lru_cache(maxsize=1)  # tables list a speaker's files in a row
def _stems(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    files = sorted(folder.iterdir(), reverse=True)
    return {file.stem: file for file in audio_among(files)}


def _label(attribute: str, values: Sequence[str]) -> str | None:
    """The label that a table's value stands for, or None where it is malformed."""
    if len(values) != 1:
        return None
    if attribute == "sex":
        return values[0] if values[0] in ("m", "f") else None
    if not values[0].isdecimal():
        return None
    return "adult" if int(values[0]) >= ADULT_AGE else "child"
