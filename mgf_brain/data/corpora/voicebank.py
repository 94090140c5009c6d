"""Preparing VoiceBank-DEMAND (Valentini-Botinhao et al. 2016): read English in noise, and clean.

Layout: `noisy_trainset_28spk_wav/p226_001.wav` with its clean version in
`clean_trainset_28spk_wav/`, and the same for `noisy_testset_wav/` and `clean_testset_wav/`. The
speaker stands before the underscore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgf_brain.data.augment.noisy_speech import TOLERANCE, Mixtures, Recorded
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout, match_stem
from mgf_brain.errors import UserError, some

STEM = re.compile(r"(?P<speaker>p\d{3})_\d{3}", flags=re.ASCII)
FOLDERS = {"train": "trainset_28spk_wav", "test": "testset_wav"}
KINDS = ("noisy", "clean")


@corpus_reader
def prepare_voicebank(root: Path) -> Parts:
    """VoiceBank-DEMAND: `train-noisy`, `train-clean`, `test-noisy` and `test-clean`.

    They are 11,572 and 824 pairs, of 28 and 2 speakers.

    Arguments
    ---------
    root : Path
        The folder that holds the four folders; audio may be of any rate and re-encoded.

    Raises
    ------
    UserError
        If the pair of a file is missing.
    """
    parts: dict[str, list[Utterance]] = {}
    for part, name in FOLDERS.items():
        pair = {}
        for kind in KINDS:
            check_layout(root, f"{kind}_{name}/*")
            pair[kind] = _read(root / f"{kind}_{name}")
        _check_pairs(pair["noisy"], pair["clean"], name)
        parts |= {f"{part}-{kind}": rows for kind, rows in pair.items()}
    return parts


def recorded_pairs(parts: Mapping[str, Sequence[Utterance]], part: str) -> Mixtures:
    """The noisy utterances of a part, each with its clean version.

    Arguments
    ---------
    parts : mapping of str to sequence of Utterance
        As of ``prepare_voicebank``.
    part : str
        `train` or `test`.

    Returns
    -------
    Mixtures
        Without utterances of which one file was unusable.

    Raises
    ------
    UserError
        If the two files of an utterance are not equally long.

    Example
    -------
    >>> parts = {f"test-{k}": [Utterance("p232_001", 1.0, f"/{k}.wav", "p232")] for k in KINDS}
    >>> recorded_pairs(parts, "test").pair.clean
    {'p232_001': '/clean.wav'}
    """
    clean = {u.id: u for u in parts[f"{part}-clean"]}
    rows = [u for u in parts[f"{part}-noisy"] if u.id in clean]
    unlike = [
        f"{u.wav} lasts {u.duration:.2f} s, its clean version {clean[u.id].duration:.2f} s"
        for u in rows
        if abs(u.duration - clean[u.id].duration) > TOLERANCE
    ]
    if unlike:
        raise UserError(f"{some(unlike)}. Restore both.")
    return Mixtures(rows, Recorded({u.id: clean[u.id].wav for u in rows}))


def _read(folder: Path) -> list[Utterance]:
    return [
        Utterance(id, 0.0, str(path), match_stem(path, STEM, "pNNN_NNN")["speaker"])
        for id, path in audio_by_stem(folder).items()
    ]


def _check_pairs(noisy: Sequence[Utterance], clean: Sequence[Utterance], name: str) -> None:
    for has, lacks, kind in ((noisy, clean, "clean"), (clean, noisy, "noisy")):
        alone = sorted({u.id for u in has} - {u.id for u in lacks})
        if alone:
            raise UserError(
                f"{kind}_{name} lacks {len(alone)} of the pairs, {some(alone)}. Restore it."
            )
