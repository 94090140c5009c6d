"""Words and phones to recognise: plain text, canonical phones, lexicons and labelled subsets."""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mgf_brain.data.audio_files import audio_among
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines
from mgf_brain.keyed_random import make_key

logger = logging.getLogger(__name__)

# ARPAbet as in the CMU dictionary, without stress.
PHONES = tuple(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V "
    "W Y Z ZH".split()
)
# A phone, its stress (0 none, 1 primary, 2 secondary), its place in the word in Kaldi's notation
# (begin, inside, end, single).
_PHONE = re.compile(r"([A-Z]+)[012]?(?:_[BIES])?")
# Folders of Libri-Light's limited labels by hours (Kahn et al., 2020, "Libri-Light").
_LIBRILIGHT_FOLDERS: dict[float, tuple[str, ...]] = {1: ("1h",), 10: ("1h", "9h")}
# A corpus loses up to 1 % of its files in preparation: train-clean-100 is still 100 h.
_SHORTFALL = 0.02


def normalise_words(text: str, utterance: str = "transcript") -> str:
    """A transcript in LibriSpeech's alphabet: A to Z, apostrophe and space.

    Accents are dropped; hyphens and other punctuation part words.

    Arguments
    ---------
    text : str
        The transcript.
    utterance : str
        Whose it is, for the message.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If there are digits, whose words can't be known, or letters of another script.

    Example
    -------
    >>> normalise_words("It's a café-bar, isn’t it?")
    "IT'S A CAFE BAR ISN'T IT"
    >>> normalise_words("room 12", "utt-1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: utt-1: '1' in 'room 12'. Write it in words of the letters ...
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).upper()
    for character in plain:
        if character.isdigit() or (character.isalpha() and not character.isascii()):
            raise UserError(
                f"{utterance}: {character!r} in {text!r}. Write it in words of the letters A to Z, "
                "or take recipes/Custom, which reads any script."
            )
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"[^A-Z']", " ", plain).split()
    return " ".join(word for word in words if word.strip("'"))


def canonical_phones(data_folder: str | os.PathLike) -> dict[str, list[str]]:
    """speechocean762's canonical phones, from its table `resource/text-phone`.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus; the table's lines are `<utterance>.<word index> W_B IY0_E`.

    Returns
    -------
    dict of str to list of str
        By utterance, its words in their order; phones without stress and place.

    Raises
    ------
    UserError
        If the table is missing or a line is wrong.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "resource").mkdir()
    >>> _ = (folder / "resource" / "text-phone").write_text("01.0\\tW_B IY0_E\\n01.1\\tAH0_S\\n")
    >>> canonical_phones(folder)
    {'01': ['W', 'IY', 'AH']}
    """
    path = Path(data_folder) / "resource" / "text-phone"
    words: dict[str, dict[int, list[str]]] = {}
    for number, line in read_lines(path, "canonical phones"):
        name, *phones = line.split()
        utterance, _, index = name.rpartition(".")
        where = f"{path} line {number}"
        if not utterance or not index.isdecimal() or not phones:
            raise UserError(
                f"{where}: expected '<utterance>.<word index> <phone> …', got {line!r}."
            )
        if int(index) in words.setdefault(utterance, {}):
            raise UserError(f"{where}: {name} comes twice. Remove one.")
        words[utterance][int(index)] = [_plain_phone(phone, where) for phone in phones]
    return {id: [p for i in sorted(by) for p in by[i]] for id, by in words.items()}


def read_lexicon(path: str | os.PathLike) -> dict[str, list[str]]:
    """Read a lexicon like CMUdict's or LibriSpeech's (OpenSLR 11): `WORD  P1 P2 …`.

    Arguments
    ---------
    path : str or os.PathLike
        The lexicon. Comments (`;;;` before, ` #` behind) and entries that stand for no word
        (`<UNK>`, `!SIL`) are left out. UTF-8 is not needed: CMUdict 0.7b is Latin-1.

    Returns
    -------
    dict of str to list of str
        First pronunciation by upper-case word, without stress.

    Raises
    ------
    UserError
        If the file is missing or empty, or a line is wrong.

    Example
    -------
    >>> path = getfixture("tmp_path") / "lexicon.txt"
    >>> _ = path.write_text(";;; v1\\nREAD  R EH1 D\\nREAD(1)  R IY1 D\\n")
    >>> read_lexicon(path)
    {'READ': ['R', 'EH', 'D']}
    """
    if not os.path.isfile(path):
        raise UserError(f"lexicon: file not found: {path}. Check the path.")
    lexicon: dict[str, list[str]] = {}
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            word, *phones = line.partition(" #")[0].split() or [";;;"]
            if word.startswith((";;;", "<", "!")):
                continue
            if not phones:
                raise UserError(f"{path} line {number}: {word} has no phones. Correct the line.")
            plain = [_plain_phone(phone, f"{path} line {number}") for phone in phones]
            lexicon.setdefault(re.sub(r"\(\d+\)$", "", word).upper(), plain)
    if not lexicon:
        raise UserError(f"{path} holds no words. Check lexicon.")
    return lexicon


def lexicon_phones(words: str, lexicon: Mapping[str, list[str]]) -> list[str]:
    """The phones of a transcript, each word in its first pronunciation.

    Arguments
    ---------
    words : str
        Upper-case words, parted by spaces.
    lexicon : mapping of str to list of str
        From ``read_lexicon``.

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        Naming the words that the lexicon lacks.

    Example
    -------
    >>> lexicon_phones("A BEE", {"A": ["AH"], "BEE": ["B", "IY"]})
    ['AH', 'B', 'IY']
    """
    if unknown := _unknown_words([words], lexicon):
        raise UserError(f"lexicon lacks {', '.join(unknown)}. Add the words to it.")
    return [phone for word in words.split() for phone in lexicon[word]]


def phone_transcripts(
    utterances: Sequence[Utterance],
    lexicon: Mapping[str, list[str]],
    max_unknown_share: float = 0.0,
) -> dict[str, list[str]]:
    """Phones of many utterances; those with a word that the lexicon lacks are left out.

    Arguments
    ---------
    utterances : sequence of Utterance
        With words.
    lexicon : mapping of str to list of str
        From ``read_lexicon``.
    max_unknown_share : float
        Share of utterances that may be left out.

    Returns
    -------
    dict of str to list of str
        Phones by utterance.

    Raises
    ------
    UserError
        If an utterance has no words, or more are left out than may be, naming unknown words.

    Example
    -------
    >>> rows = [Utterance(str(i), 1.0, "/a.wav", "s", words) for i, words in enumerate("AB")]
    >>> phone_transcripts(rows, {"A": ["AH"]}, max_unknown_share=0.5)
    {'0': ['AH']}
    """
    if silent := [u.id for u in utterances if not u.words]:
        raise UserError(
            f"{len(silent)} utterances have no transcript: {silent[0]}. Leave them out."
        )
    spoken = [(u.id, u.words) for u in utterances if u.words]
    known = [(id, words) for id, words in spoken if not _unknown_words([words], lexicon)]
    missing = len(spoken) - len(known)
    if missing:
        named = ", ".join(_unknown_words((words for _, words in spoken), lexicon)[:5])
        text = (
            f"{missing} of {len(utterances)} utterances have words that the lexicon lacks: {named}"
        )
        if missing > max_unknown_share * len(utterances):
            raise UserError(f"{text}. Add the words or raise max_unknown_share.")
        logger.warning("%s; they are left out", text)
    return {id: lexicon_phones(words, lexicon) for id, words in known}


def asr_subset(
    utterances: Sequence[Utterance],
    hours: float | None,
    seed: int,
    finetuning_folder: str | os.PathLike | None = None,
) -> list[Utterance]:
    """A labelled subset of training data: 1 h, 10 h, 100 h, or all of it.

    Without Libri-Light's folder, the speaker with the least speech so far gives the next
    utterance, until the hours are full. A draw holds those for fewer hours by the same seed.

    Arguments
    ---------
    utterances : sequence of Utterance
        Of the training parts.
    hours : float, optional
        Length of the subset; None takes all.
    seed : int
        Of the draw; the order of the utterances does not matter.
    finetuning_folder : str or os.PathLike, optional
        Libri-Light's `librispeech_finetuning`, with 1 h in `1h/` and the rest of 10 h in `9h/`:
        the subset is then what its files name.

    Returns
    -------
    list of Utterance
        In the order of the training data.

    Raises
    ------
    UserError
        If the training data is shorter, or lacks utterances that the folder names, or there is a
        folder without ``hours``.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 360.0, "/a.wav", s) for s in "ab" for i in range(50)]
    >>> [sum(u.speaker == s for u in asr_subset(rows, 1, seed=0)) for s in "ab"]
    [5, 5]
    """
    if hours is None and finetuning_folder is not None:
        raise UserError("finetuning_folder: it has 1 h and 10 h. Pass --hours 1 or --hours 10 too.")
    if hours is None:
        return list(utterances)
    if finetuning_folder is not None:
        return _named_in(utterances, Path(finetuning_folder), hours)
    wanted = 3600 * hours
    if (total := sum(u.duration for u in utterances)) < (1 - _SHORTFALL) * wanted:
        raise UserError(
            f"hours: {hours:g} h wanted, but the training parts hold {total / 3600:.1f}."
        )
    chosen, seconds = set(), 0.0
    for utterance in _speakers_in_turn(utterances, seed):
        if seconds >= wanted:
            break
        chosen.add(utterance.id)
        seconds += utterance.duration
    return [u for u in utterances if u.id in chosen]


def _plain_phone(phone: str, where: str) -> str:
    """An ARPAbet phone without its stress and its place in the word."""
    match = _PHONE.fullmatch(phone)
    if match is None or match[1] not in PHONES:
        raise UserError(f"{where}: {phone!r} is none of the 39 ARPAbet phones. Correct the line.")
    return match[1]


def _unknown_words(texts: Iterable[str], lexicon: Mapping[str, list[str]]) -> list[str]:
    """The words that a lexicon lacks, each once."""
    return list(dict.fromkeys(w for text in texts for w in text.split() if w not in lexicon))


def _speakers_in_turn(utterances: Iterable[Utterance], seed: int) -> list[Utterance]:
    """A random order in which the speaker with the least speech so far comes next."""
    spoken: dict[str, float] = {}
    starts = {}  # seconds of the speaker's speech before an utterance
    for u in sorted(utterances, key=lambda u: make_key(seed, "asr", u.id)):
        starts[u] = spoken.get(u.speaker, 0.0)
        spoken[u.speaker] = starts[u] + u.duration
    return sorted(starts, key=lambda u: (starts[u], make_key(seed, "asr", u.id)))


def _named_in(utterances: Sequence[Utterance], folder: Path, hours: float) -> list[Utterance]:
    if hours not in _LIBRILIGHT_FOLDERS:
        raise UserError(f"hours: {folder} has 1 h and 10 h, not {hours:g}. Omit the folder.")
    files = [f for name in _LIBRILIGHT_FOLDERS[hours] for f in (folder / name).rglob("*")]
    ids = {f.stem for f in audio_among(files)}
    if not ids:
        raise UserError(f"{folder} has no audio in {_LIBRILIGHT_FOLDERS[hours]}. Check the folder.")
    if missing := sorted(ids - {u.id for u in utterances}):
        raise UserError(
            f"the training parts lack {len(missing)} utterances of {folder}, such as {missing[0]}. "
            "Prepare all of LibriSpeech's train parts."
        )
    return [u for u in utterances if u.id in ids]
