"""Corpora in miniature, in their published layouts: noise instead of speech, a few speakers.

Each function makes the folder that users pass as ``--data_folder`` and returns it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000  # Hz


def write_noise(path: Path, seconds: float = 0.25) -> Path:
    """Noise of changing level, another one for each file name; ``.opus`` is Ogg Opus."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(zlib.crc32(path.stem.encode()))
    samples = int(seconds * RATE)
    level = np.repeat(random.uniform(0.05, 0.5, samples // 800 + 1), 800)[:samples]
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    wav = (level * random.standard_normal(samples) / 4).clip(-1, 1)
    soundfile.write(path, wav, RATE, **opus)
    return path


def make_ravdess(
    root: Path,
    actors: Iterable[int] = (1, 4, 5, 24),
    emotions: Iterable[int] = (1, 3, 5),
    seconds: float = 0.25,
    extension: str = "wav",
) -> Path:
    """Two repetitions of each emotion (1 neutral to 8 surprised) by each actor (1 to 24)."""
    for actor in actors:
        for emotion in emotions:
            for repetition in (1, 2):
                name = f"03-01-{emotion:02}-01-01-{repetition:02}-{actor:02}.{extension}"
                write_noise(root / f"Actor_{actor:02}" / name, seconds)
    return root


def make_emodb(
    root: Path,
    speakers: Iterable[str] = ("03", "08", "16"),
    emotions: str = "WFN",
    seconds: float = 0.25,
    extension: str = "wav",
) -> Path:
    """Two sentences in each emotion (letters of WLEAFTN) by each speaker (03, 08, …, 16)."""
    for speaker in speakers:
        for emotion in emotions:
            for sentence in ("a01", "b10"):
                write_noise(root / "wav" / f"{speaker}{sentence}{emotion}a.{extension}", seconds)
    return root


def make_cremad(
    root: Path,
    actors: Iterable[int] = (1001, 1002, 1006, 1091),
    emotions: Iterable[str] = ("ANG", "HAP", "SAD"),
    seconds: float = 0.25,
    extension: str = "wav",
) -> Path:
    """Two sentences in each emotion by each actor (1001 to 1091)."""
    for actor in actors:
        for emotion in emotions:
            for sentence in ("IEO", "TIE"):
                name = f"{actor}_{sentence}_{emotion}_XX.{extension}"
                write_noise(root / "AudioWAV" / name, seconds)
    return root


def make_iemocap(
    root: Path,
    sessions: Iterable[int] = (1, 2, 5),
    emotions: Sequence[str] = ("ang", "hap", "exc", "sad", "neu", "fru", "xxx"),
    seconds: float = 0.25,
    extension: str = "wav",
) -> Path:
    """An improvised dialogue a session, in which each actor says something in each emotion."""
    for session in sessions:
        dialog = f"Ses{session:02}F_impro05a"
        turns = [
            (f"{dialog}_{sex}{number:03}", emotion)
            for number, emotion in enumerate(emotions)
            for sex in "FM"
        ]
        folder = root / f"Session{session}"
        write_evaluation(folder / f"dialog/EmoEvaluation/{dialog}.txt", turns)
        for id, _ in turns:
            write_noise(folder / f"sentences/wav/{dialog}/{id}.{extension}", seconds)
    return root


def write_evaluation(path: Path, turns: Iterable[tuple[str, str]]) -> None:
    """IEMOCAP's table of a dialogue: the vote on each utterance above two raters' opinions."""
    lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    for number, (id, emotion) in enumerate(turns):
        lines += [
            f"[{number}.2901 - {number + 1}.2357]\t{id}\t{emotion}\t[2.5000, 2.5000, 2.5000]",
            "C-E2:\tNeutral;\t()",
            "A-E3:\tval 3; act 2; dom  2;\t(mildly [sic] aggravated)",
            "",
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


MSP_HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"


def make_msp_podcast(
    root: Path,
    speakers: Iterable[tuple[str, str]] = (
        ("Train", "30"),
        ("Train", "39"),
        ("Train", "Unknown"),
        ("Development", "41"),
        ("Test1", "50"),
        ("Test2", "50"),
        ("Test2", "51"),
    ),
    emotions: str = "AHSNX",
    seconds: float = 0.25,
    extension: str = "wav",
) -> Path:
    """An utterance in each emotion (letters of ASHUFDCNOX) by each speaker of each split."""
    lines = [MSP_HEADER]
    for podcast, (split, speaker) in enumerate(speakers):
        for number, emotion in enumerate(emotions):
            id = f"MSP-PODCAST_{podcast:04}_{number:04}"
            lines.append(f"{id}.wav,{emotion},4.2,3.0,3.666667,{speaker},Female,{split}")
            write_noise(root / "Audios" / f"{id}.{extension}", seconds)
    (root / "Labels").mkdir()
    (root / "Labels/labels_consensus.csv").write_text("\n".join(lines) + "\n")
    return root


def make_adresso(
    root: Path,
    speakers: int = 3,
    test_labels: bool = True,
    seconds: float = 0.25,
    extension: str = "wav",
) -> Path:
    """As many speakers of each diagnosis in training, and again in the test part."""
    lines = ["ID,Dx"]
    for number in range(speakers):
        for offset, (label, diagnosis) in enumerate((("ad", "ProbableAD"), ("cn", "Control"))):
            place = 2 * number + offset + 1
            train = root / f"diagnosis/train/audio/{label}/adrso{place:03}.{extension}"
            write_noise(train, seconds)
            write_noise(root / f"diagnosis/test-dist/audio/adrsdt{place}.{extension}", seconds)
            lines.append(f"adrsdt{place},{diagnosis}")
    if test_labels:
        (root / "task1.csv").write_text("\n".join(lines) + "\n")
    return root


def make_voicebank(
    root: Path,
    speakers: dict[str, Sequence[str]] | None = None,
    seconds: float = 0.5,
    extension: str = "wav",
) -> Path:
    """Two pairs of each speaker of VoiceBank-DEMAND's training and test part, at 48 kHz."""
    folders = {"train": "trainset_28spk_wav", "test": "testset_wav"}
    speakers = speakers or {"train": ("p226", "p287"), "test": ("p232", "p257")}
    random = np.random.default_rng(0)
    for part, names in speakers.items():
        for id in (f"{name}_00{i}" for name in names for i in (1, 2)):
            clean = 0.3 * np.sin(0.02 * np.arange(int(48000 * seconds)))  # 153 Hz
            noisy = clean + 0.1 * random.standard_normal(len(clean))
            for kind, wav in (("clean", clean), ("noisy", noisy)):
                path = root / f"{kind}_{folders[part]}" / f"{id}.{extension}"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, wav, 48000)
    return root
