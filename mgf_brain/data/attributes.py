"""speechocean762's speakers as labels: sex, and child or adult."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.speechocean762 import SPEAKER_PREFIX
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

# Half of the speakers are children (Zhang et al., 2021, "speechocean762"). 18 is the legal age; of
# the 190 speakers looked at, the children are 6 to 15 and the adults 19 and more, so that any
# boundary between gives the same labels.
ADULT_AGE = 18  # years

TABLES = {"sex": "spk2gender", "age_group": "spk2age"}


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


def _label(attribute: str, values: Sequence[str]) -> str | None:
    """The label that a table's value stands for, or None where it is malformed."""
    if len(values) != 1:
        return None
    if attribute == "sex":
        return values[0] if values[0] in ("m", "f") else None
    if not values[0].isdecimal():
        return None
    return "adult" if int(values[0]) >= ADULT_AGE else "child"
