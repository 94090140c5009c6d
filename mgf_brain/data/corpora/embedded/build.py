"""The embedded corpus: synthetic English in LibriSpeech's layout, built on the user's machine.

For the README: *The embedded corpus is synthetic speech, made in seconds by eSpeak NG (GPL-3, an
optional extra that is only used at run time, `pip install -e .[demo]`); it serves as a smoke run
and shows that everything works, not how well a method does on real speech.*

34 voices (26 to train, 8 others to test) read sentences written for this purpose, each voice
through its own channel (level, spectral tilt, noise) and in four prosodic moods. Beside the
audio and the transcripts lie

- `SPEAKERS.TXT` in LibriSpeech's form;
- `phones_41.txt`, phone labels in the CPC format (`utterance id id …`, 100 a second) from the
  synthesiser's own events, and `phones_41_classes.txt`, the names of the ids;
- `moods.csv`, columns `ID,mood`;
- `corpus.json`, the options and the counts.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.corpora.embedded.espeak import Phone, Synthesiser
from mgf_brain.data.corpora.embedded.text import sentences, transcript
from mgf_brain.data.corpora.embedded.voices import (
    MOODS,
    PARTS,
    Mood,
    Voice,
    through_channel,
    voices,
)
from mgf_brain.errors import UserError

LABEL_RATE = 100
VERSION = 1  # a change of voices, text or processing raises it, and corpora are built anew

PHONE_CLASSES: Sequence[str] = (
    "SIL AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH "
    "UW V W Y Z ZH SPN"
).split()


@dataclass
class _Reader:
    """What a voice has read so far."""

    voice: Voice
    folder: Path
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def chapter(self) -> str:
        """Speaker and chapter, as LibriSpeech's file names begin."""
        return f"{self.voice.speaker}-{self.voice.speaker + 100000}"

    def add(self, wave: np.ndarray, text: str) -> str:
        """Writes an utterance and returns its id."""
        name = f"{self.chapter}-{len(self.lines):04d}"
        self.folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(self.folder / f"{name}.flac", wave, SAMPLE_RATE, subtype="PCM_16")
        self.lines.append(f"{name} {transcript(text)}")
        self.seconds += len(wave) / SAMPLE_RATE
        return name


def make_embedded_corpus(
    folder: str, minutes: float = 20.0, seed: int = 0, progress: bool = True
) -> str:
    """Builds the embedded corpus, unless the folder already holds it with the same options.

    The same seed gives the same samples, utterance by utterance, whatever the number of minutes
    (with the same version of eSpeak NG).
    Every voice reads equally many utterances, at least two.

    Arguments
    ---------
    folder : str
        Where to put it. It must not exist, or be empty, or hold an embedded corpus.
    minutes : float
        Least total duration, in minutes. Two utterances of every voice last about 7.
    seed : int
        Seed of the speakers' settings, of the text and of the noise.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    str
        The folder.

    Raises
    ------
    UserError
        If the folder holds something else, or `espeakng-loader` is not installed.

    Example
    -------
    >>> make_embedded_corpus("/tmp/embedded", minutes=20)  # doctest: +SKIP
    '/tmp/embedded'
    """
    target = Path(folder).resolve()
    options = {"version": VERSION, "minutes": float(minutes), "seed": seed}
    if _is_complete(target, options):
        return folder
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        built = Path(scratch) / "corpus"
        _build(built, options, progress)
        _put_in_place(built, target, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def frame_labels(phones: Iterable[Phone], num_frames: int, offset: float = 0.0) -> np.ndarray:
    """Class ids at 100 Hz: of every 10 ms the phone at its centre, SIL where there is none.

    Arguments
    ---------
    phones : iterable of Phone
        Phones, in order.
    num_frames : int
        Number of labels.
    offset : float
        Where the phones' time 0 lies, in seconds.

    Returns
    -------
    numpy.ndarray
        int, (num_frames,), indices into `PHONE_CLASSES`.

    Example
    -------
    >>> frame_labels([Phone("AA", 0.0, 0.02), Phone("B", 0.02, 0.03)], 5, offset=0.01).tolist()
    [0, 1, 1, 7, 0]
    """
    labels = np.full(num_frames, PHONE_CLASSES.index("SIL"))
    centres = (np.arange(num_frames) + 0.5) / LABEL_RATE - offset
    for phone in phones:
        inside = (phone.start <= centres) & (centres < phone.end)
        labels[inside] = PHONE_CLASSES.index(phone.name)
    return labels


def _is_complete(folder: Path, options: dict) -> bool:
    """Whether the corpus is there with these options; refuses a folder with anything else."""
    mark = folder / "corpus.json"
    if mark.is_file():
        return json.loads(mark.read_text())["options"] == options
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"{folder} holds something else than an embedded corpus. Name a new folder."
        )
    return False


def _put_in_place(built: Path, target: Path, options: dict) -> None:
    """Moves a finished corpus to its place, unless another process has been first."""
    if target.exists() and not _is_complete(target, options):
        shutil.rmtree(target)
    try:
        os.replace(built, target)
    except OSError:
        if not _is_complete(target, options):
            raise


def _build(folder: Path, options: dict, progress: bool) -> None:
    readers = [
        _Reader(v, folder / v.part / f"{v.speaker}" / f"{v.speaker + 100000}")
        for v in voices(options["seed"])
    ]
    labels, moods = _read_aloud(readers, options["minutes"] * 60, options["seed"], progress)
    for reader in readers:
        _write_lines(reader.folder / f"{reader.chapter}.trans.txt", reader.lines)
    _write_lines(folder / "SPEAKERS.TXT", _speaker_table(readers))
    _write_lines(folder / "phones_41.txt", labels)
    _write_lines(
        folder / "phones_41_classes.txt", [f"{i} {name}" for i, name in enumerate(PHONE_CLASSES)]
    )
    with open(folder / "moods.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("ID", "mood"), *moods])
    counts = {part: _counts(readers, part) for part in PARTS}
    content = {"options": options, "parts": counts}
    _write_lines(folder / "corpus.json", [json.dumps(content, indent=2)])


def _read_aloud(
    readers: list[_Reader], seconds: float, seed: int, progress: bool
) -> tuple[list[str], list[tuple[str, str]]]:
    """Lets the readers read in turn, whole rounds, until there is enough."""
    labels, moods = [], []
    text = _texts(random.Random(f"text {seed}"))
    bar = tqdm(total=round(seconds), unit="s", desc="embedded corpus", disable=not progress)
    with Synthesiser() as synthesiser, bar:
        while len(moods) < 2 * len(readers) or sum(r.seconds for r in readers) < seconds:
            for index, reader in enumerate(readers):
                turn = len(reader.lines)
                # Neighbours differ in mood, and a reader goes through all of them.
                mood = list(MOODS)[(turn + index) % len(MOODS)]
                rng = np.random.default_rng([seed, index, turn])
                words = next(text)
                wave, ids = _utterance(synthesiser, reader.voice, MOODS[mood], words, rng)
                name = reader.add(wave, words)
                labels.append(f"{name} {' '.join(map(str, ids))}")
                moods.append((name, mood))
                bar.update(round(len(wave) / SAMPLE_RATE))
    return sorted(labels), sorted(moods)


def _texts(rng: random.Random) -> Iterator[str]:
    """Texts of one to three sentences: lengths spread as in read speech."""
    pool = sentences(rng)
    while True:
        yield " ".join(islice(pool, rng.choices((1, 2, 3), (9, 7, 4))[0]))


def _utterance(
    synthesiser: Synthesiser, voice: Voice, mood: Mood, text: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples (samples,) at 16 kHz and labels (samples // 160,)."""
    wave, phones = synthesiser.speak(
        text,
        voice.variant,
        rate=round(voice.rate * mood.rate),
        pitch=voice.pitch + mood.pitch,
        pitch_range=mood.pitch_range,
    )
    before, after = rng.uniform(0.1, 0.4, size=2)
    before = int(before * SAMPLE_RATE)
    wave = resample_poly(wave.astype(np.float64), SAMPLE_RATE, synthesiser.sample_rate)
    wave = np.pad(wave, (before, int(after * SAMPLE_RATE)))
    wave = through_channel(wave, voice, mood.gain, rng)
    return wave, frame_labels(phones, len(wave) * LABEL_RATE // SAMPLE_RATE, before / SAMPLE_RATE)


def _speaker_table(readers: list[_Reader]) -> Iterator[str]:
    yield "; Speakers of a synthetic corpus: voices of eSpeak NG"
    yield ";ID  |SEX| SUBSET           |MINUTES| NAME"
    for reader in readers:
        v = reader.voice
        minutes = reader.seconds / 60
        yield f"{v.speaker:<5}| {v.sex} | {v.part:<16} | {minutes:5.2f} | eSpeak NG {v.variant}"


def _counts(readers: list[_Reader], part: str) -> dict:
    chosen = [reader for reader in readers if reader.voice.part == part]
    return {
        "speakers": len(chosen),
        "utterances": sum(len(reader.lines) for reader in chosen),
        "minutes": sum(reader.seconds for reader in chosen) / 60,
    }


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
