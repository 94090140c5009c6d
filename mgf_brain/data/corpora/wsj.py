r"""Preparing the Wall Street Journal corpus (WSJ0, LDC93S6; WSJ1, LDC94S13), converted to wav.

What is read, wherever it lies below the root, in upper or lower case:

- index files, lines `<disc>: <path>` such as `13_16_1: wsj1/si_dt_20/4k0/4k0c0301.wv1`:
  train is SI-284, dev is Nov'93's Hub 1 development set (dev93), test is Nov'92's 20k set (eval92);
- transcripts `.dot`, lines `<text> (<utterance>)`, or else `.lsn`;
- audio named after its utterance, `<utterance>.wav` or `<utterance>.wv1.wav`: such names are
  unique in all of WSJ. Where both microphones were converted to the same name, the file below a
  folder of the index's disc (`13-16.1`) is taken. `.wv2` is the second microphone and left out.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mgf_brain.data.audio_files import audio_among
from mgf_brain.data.labels.transcripts import normalise_words
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import check_layout
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

logger = logging.getLogger(__name__)

INDICES = {
    "train": ("wsj0/doc/indices/train/tr_s_wv1.ndx", "wsj1/doc/indices/si_tr_s.ndx"),
    "dev": ("wsj1/doc/indices/h1_p0.ndx",),
    "test": ("wsj0/doc/indices/test/nvp/si_et_20.ndx",),
}
UTTERANCES = {"train": 37416, "dev": 503, "test": 333}  # what every published system reports
ABSENT = "wsj0/si_tr_s/401/"  # speaker 401 is in the index, but not on the discs

_INDEX_LINE = re.compile(r"(\d+_\d+_\d+):\s*/?(\S+)")
_TRANSCRIPT_LINE = re.compile(r"(.*)\((\w{8})\)\s*")
_AUDIO_STEM = re.compile(r"(\w{8})(\.wv1)?")

_NOISE = re.compile(r"\[[^\]]*\]|<NOISE>")  # [door_slam], [<tap], [beep/]
_UNSPOKEN = re.compile(r"\([^()\s]*\)")  # the rest of a word broken off: FORECAS(TS)-
_QUOTE_NAME = re.compile(r"(?<!\S)['`](?=\S*QUOTE)")  # 'SINGLE-QUOTE is no apostrophe
_MARKS = re.compile(r"[:!*~<>]")  # lengthened, stressed, mispronounced, cut, not in the prompt


@corpus_reader
def prepare_wsj(root: Path) -> Parts:
    """WSJ: train (train_si284), dev (dev93) and test (eval92).

    Arguments
    ---------
    root : Path
        The folder that holds the discs (`11-1.1`, …), or `wsj0` and `wsj1`.

    Raises
    ------
    UserError
        If an index or all transcripts are missing, or a line is wrong.
    """
    check_layout(root, "*")
    files = [Path(f, name) for f, _, names in os.walk(root, followlinks=True) for name in names]
    files.sort()
    texts = _read_transcripts(files)
    if not texts:
        raise UserError(f"no .dot or .lsn transcripts in data_folder {root}. Copy them from LDC's.")
    audio = _audio_by_utterance(files)
    parts = {}
    for part, names in INDICES.items():
        entries = [entry for name in names for entry in _read_index(_find(files, name, root))]
        parts[part] = [_utterance(path, disc, root, audio, texts) for disc, path in entries]
        _report(part, parts[part])
    return parts


def normalise_wsj(text: str, utterance: str = "transcript") -> str:
    r"""A detailed orthographic transcript (`.dot`) as the words that were spoken.

    Noises go; verbalised punctuation was spoken and stays, by its name. Words that were read but
    not prompted (`<and>`) stay. Abbreviations lose their periods and hyphens part words, so that
    the alphabet is LibriSpeech's; Kaldi's recipe keeps both and its word counts differ a little.

    Arguments
    ---------
    text : str
        Without the utterance in brackets at its end.
    utterance : str
        Whose it is, for messages.

    Returns
    -------
    str
        A to Z, apostrophe and space.

    Example
    -------
    >>> normalise_wsj(r"[lip_smack] <And> Mr\. Smith isn\'t at M:ONEY I\. B\. M\. ~")
    "AND MR SMITH ISN'T AT MONEY I B M"
    >>> normalise_wsj(r'\"DOUBLE\-QUOTE FORECAS(TS)- \,COMMA [tap>] long\-term . \.PERIOD')
    'DOUBLE QUOTE FORECAS COMMA LONG TERM PERIOD'
    """
    text = _NOISE.sub(" ", text.replace("\\", "").upper())
    text = _QUOTE_NAME.sub("", _UNSPOKEN.sub("", text)).replace("`", "'")
    return normalise_words(_MARKS.sub("", text), utterance)


def _find(files: Iterable[Path], name: str, root: Path) -> Path:
    for file in files:
        if file.as_posix().lower().endswith(f"/{name}"):
            return file
    raise UserError(f"index file not found: …/{name} in data_folder {root}. Copy it from LDC's.")


def _read_index(path: Path) -> Iterator[tuple[str, str]]:
    """Disc and lower-case path of each utterance; comments start with a semicolon."""
    for number, line in read_lines(path, "index"):
        if line.startswith(";"):
            continue
        match = _INDEX_LINE.fullmatch(line.strip())
        if match is None:
            raise UserError(f"{path} line {number}: expected '<disc>: <path>', got {line!r}.")
        if ABSENT not in (name := match[2].lower()):
            yield match[1], name


def _read_transcripts(files: Sequence[Path]) -> dict[str, str]:
    """Text by lower-case utterance; a .dot goes before a .lsn."""
    texts: dict[str, str] = {}
    for extension in (".dot", ".lsn"):
        for file in files:
            if file.suffix.lower() == extension:
                for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                    if match := _TRANSCRIPT_LINE.fullmatch(line):
                        texts.setdefault(match[2].lower(), match[1])
    return texts


def _audio_by_utterance(files: Iterable[Path]) -> dict[str, list[Path]]:
    audio: dict[str, list[Path]] = {}
    for file in audio_among(files):
        if match := _AUDIO_STEM.fullmatch(file.stem.lower()):
            audio.setdefault(match[1], []).append(file)
    return audio


def _utterance(
    path: str, disc: str, root: Path, audio: dict[str, list[Path]], texts: dict[str, str]
) -> Utterance:
    id = Path(path).stem
    files = audio.get(id) or [root / Path(path).with_suffix(".wav")]  # reported as not found
    on_disc = [f for f in files if disc in (re.sub(r"[-.]", "_", name) for name in f.parts)]
    words = normalise_wsj(texts[id], id) if id in texts else ""
    # The first three characters of an utterance are its speaker.
    return Utterance(id, 0.0, str((on_disc or files)[0]), id[:3], words or None)


def _report(part: str, utterances: Sequence[Utterance]) -> None:
    if len(utterances) != UTTERANCES[part]:
        logger.warning("%s: %d utterances, not %d", part, len(utterances), UTTERANCES[part])
    if silent := [u.id for u in utterances if u.words is None]:
        logger.warning("%s: %d without transcript, such as %s", part, len(silent), silent[0])
