"""Miniature corpora with all that the downstream recipes read: audio, words, phones, speakers."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.data import miniatures
from tests.data.miniatures_speech import (
    VIDEO,
    VOX1_TEST,
    VOX2,
    make_speaker_tables,
    make_voxceleb1,
    make_voxceleb2,
    make_wsj,
    write_noise,
    write_text,
)

SENTENCES = ("WE CALL IT BEAR", "IT WE", "BEAR CALL", "CALL WE IT")
LEXICON = {"WE": "W IY1", "CALL": "K AO1 L", "IT": "IH1 T", "BEAR": "B EH1 R"}
SAMPLES = 9600  # 0.6 s: room for the characters of every sentence


def make_speechocean762(root: Path, train: int = 12, test: int = 3) -> Path:
    """Two utterances a speaker, canonical phones, sex and age, and `trials.txt` over the test."""
    phones, speakers = [], {"train": range(1, 1 + train), "test": range(101, 101 + test)}
    for part, numbers in speakers.items():
        tables = {"wav.scp": "", "utt2spk": "", "text": ""}
        for number in numbers:
            for i in range(2):
                id, text = f"{number:04}0{i}", SENTENCES[(number + i) % len(SENTENCES)]
                wav = write_noise(root / f"WAVE/SPEAKER{number:04}/{id}.WAV", SAMPLES)
                tables["wav.scp"] += f"{id}\t{wav.relative_to(root)}\n"
                tables["utt2spk"] += f"{id}\t{number:04}\n"
                tables["text"] += f"{id}\t{text}\n"
                phones += [f"{id}.{k}\t{LEXICON[w]}\n" for k, w in enumerate(text.split())]
        for name, text in tables.items():
            write_text(root / part / name, text)
    write_text(root / "resource/text-phone", "".join(phones))
    tables = [
        {f"{n:04}": f"{'fm'[n % 2]} {8 + 20 * (n // 2 % 2)}" for n in numbers}
        for numbers in speakers.values()
    ]
    make_speaker_tables(root, *tables)
    wavs = [f"WAVE/SPEAKER{n:04}/{n:04}0{i}.WAV" for n in speakers["test"] for i in range(2)]
    write_trials(root / "trials.txt", wavs)
    return root


def make_librispeech(root: Path, train: int = 4, test: int = 2) -> Path:
    """Two utterances a speaker with transcripts, `trials.txt` and `lexicon.txt`."""
    for part, count in (("train-clean-100", train), ("test-clean", test)):
        for number in range(1, 1 + count):
            chapter = root / part / f"{len(part)}{number}" / "7"
            ids = [f"{len(part)}{number}-7-{i:04}" for i in range(2)]
            for id in ids:
                write_noise(chapter / f"{id}.flac", SAMPLES)
            text = [f"{id} {SENTENCES[(number + i) % 4]}\n" for i, id in enumerate(ids)]
            write_text(chapter / f"{chapter.parent.name}-7.trans.txt", "".join(text))
    write_trials(
        root / "trials.txt",
        [str(path.relative_to(root)) for path in sorted(root.glob("test-clean/*/*/*.flac"))],
    )
    write_text(root / "lexicon.txt", "".join(f"{w}  {p}\n" for w, p in LEXICON.items()))
    return root


def make_voxceleb(root: Path) -> Path:
    """Both corpora, two utterances of each speaker who is tried or trained on, and list O."""
    make_voxceleb1(root / "vox1")
    make_voxceleb2(root / "vox2")
    for speaker in VOX2:
        write_noise(root / "vox2/dev/aac" / speaker / VIDEO / "00002.wav")
    for speaker in VOX1_TEST:
        write_noise(root / "vox1/wav" / speaker / VIDEO / "00002.wav")
    names = [f"{speaker}/{VIDEO}/0000{i}.wav" for speaker in VOX1_TEST for i in (1, 2)]
    write_trials(root / "veri_test2.txt", names)
    return root


def make_own(root: Path, speakers: Sequence[str] = ("anna", "ben", "carl", "dora")) -> Path:
    """A manifest of three utterances a speaker with words, labels, and Dora's as the test."""
    root.mkdir(parents=True)
    rows = [["ID", "duration", "wav", "spk_id", "wrd", "label", "fold"]]
    for speaker in speakers:
        for i in range(3):
            wav = write_noise(root / f"{speaker}{i}.wav", SAMPLES)
            fold = "test" if speaker == speakers[-1] else "train"
            row = [wav.stem, SAMPLES / 16000, wav.name, speaker, SENTENCES[i]]
            rows.append([*row, ("calm", "cross")[i % 2], fold])
    with open(root / "speech.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return root


def write_trials(path: Path, names: Iterable[str]) -> None:
    """Every pair of files; those in one folder are of one speaker."""
    names = list(names)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    write_text(
        path, "".join(f"{int(Path(a).parent == Path(b).parent)} {a} {b}\n" for a, b in pairs)
    )


# Every corpus that has recipes: ``make(root)`` builds its miniature.
MINIATURES = {
    "ADReSSo": miniatures.make_adresso,
    "CREMA-D": miniatures.make_cremad,
    "EmoDB": miniatures.make_emodb,
    "IEMOCAP": miniatures.make_iemocap,
    "MSP-Podcast": miniatures.make_msp_podcast,
    "RAVDESS": miniatures.make_ravdess,
    "Custom": make_own,
    "LibriSpeech": make_librispeech,
    "speechocean762": make_speechocean762,
    "VoxCeleb": make_voxceleb,
    "VoiceBank": miniatures.make_voicebank,
    "WSJ": make_wsj,
}
