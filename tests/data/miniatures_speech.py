"""VoxCeleb, WSJ, Libri-light's labels and speechocean762's tables, in miniature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from mgf_brain.keyed_random import make_key

VOX1_DEV, VOX1_TEST, VOX2 = ("id10001", "id11251"), ("id10270", "id10309"), ("id00012", "id09272")
VIDEO = "-abc_DEF123"  # YouTube's names may start with a dash

SI_TR_S = ";; index of SI-200\n13_1_1: wsj1/si_tr_s/46a/46ac0201.wv1\n"
TR_S_WV1 = (
    "; speaker 401 is not on the disc\n11_1_1:wsj0/si_tr_s/01a/01ac0201.wv1\n"
    "11_2_1:wsj0/si_tr_s/401/401c0201.wv1\n"
)
H1_P0 = "13_16_1:wsj1/si_dt_20/4k0/4k0c0301.wv1\n"
EVAL93 = "13_32_1:wsj1/si_et_h1/wsj64k/4oa/4oac0201.wv1\n"
SI_ET_20 = "11_14_1:wsj0/si_et_20/440/440c0401\n"  # without extension


def write_noise(path: Path, samples: int = 1600) -> Path:
    """Noise at 16 kHz, different under each name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(make_key(path)).uniform(-0.5, 0.5, samples)
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, noise, 16000, **opus)
    return path


def write_text(path: Path, text: str) -> Path:
    """A text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def make_voxceleb1(root: Path, dev: str = "wav", test: str = "wav") -> Path:
    """Two dev and two test speakers; the folders are the dev and test parts'."""
    for folder, speakers in ((dev, VOX1_DEV), (test, VOX1_TEST)):
        for speaker in speakers:
            write_noise(root / folder / speaker / VIDEO / "00001.wav")
    return root


def make_voxceleb2(root: Path, extension: str = "wav") -> Path:
    """Two dev speakers and a test speaker."""
    for part, speakers in (("dev", VOX2), ("test", ("id00017",))):
        for speaker in speakers:
            path = root / part / "aac" / speaker / VIDEO / f"00001.{extension}"
            if extension == "m4a":
                write_text(path, "AAC")
            else:
                write_noise(path)
    return root


def make_wsj(root: Path) -> Path:
    """One utterance an index, on the discs where LDC put them; eval93's index is a decoy."""
    wsj0, wsj1 = root / "11-13.1" / "wsj0", root / "13-34.1" / "wsj1"
    write_text(wsj0 / "doc/indices/train/tr_s_wv1.ndx", TR_S_WV1)
    write_text(wsj0 / "doc/indices/test/nvp/si_et_20.ndx", SI_ET_20)
    write_text(wsj1 / "doc/indices/h1_p0.ndx", H1_P0)
    write_text(wsj1 / "doc/indices/si_tr_s.ndx", SI_TR_S)
    write_text(root / "13-32.1/wsj1/doc/indices/wsj1/eval/h1_p0.ndx", EVAL93)
    dots = {
        "11-4.1/wsj0/transcrp/dots/si_tr_s/01a/01ac0200.dot": "[tap] Of U\\. S\\. (01ac0201)\n",
        "13-34.1/wsj1/trans/wsj1/si_tr_s/46a/46ac0200.dot": "It isn\\'t . (46ac0201)\n",
        "13-16.1/wsj1/si_dt_20/4k0/4k0c0300.dot": "Hot <and> cold ~ (4k0c0301)\n",
        "11-14.1/wsj0/si_et_20/440/440c0400.dot": "Mr\\. Smith (440c0401)\n",
    }
    for name, text in dots.items():
        write_text(root / name, text)
    for disc, stem in (
        ("11-1.1/wsj0", "si_tr_s/01a/01ac0201"),
        ("13-1.1/wsj1", "si_tr_s/46a/46ac0201"),
        ("13-16.1/wsj1", "si_dt_20/4k0/4k0c0301"),
        ("11-14.1/wsj0", "si_et_20/440/440c0401"),
    ):
        write_noise(root / disc / f"{stem}.wav", 4800)  # room for a few letters
    return root


def make_finetuning(root: Path, ids_1h: list[str], ids_9h: list[str]) -> Path:
    """Libri-light's limited labels: six times ten minutes in `1h`, and `9h`."""
    for i, id in enumerate(ids_1h):
        _touch(root / "1h" / str(i % 6) / ("clean" if i % 2 else "other"), id)
    for id in ids_9h:
        _touch(root / "9h" / "clean", id)
    return root


def make_speaker_tables(root: Path, train: dict[str, str], test: dict[str, str]) -> Path:
    """speechocean762's `spk2gender` and `spk2age`; values such as `m 6`."""
    for part, speakers in (("train", train), ("test", test)):
        for column, name in enumerate(("spk2gender", "spk2age")):
            rows = [f"{speaker}\t{value.split()[column]}\n" for speaker, value in speakers.items()]
            write_text(root / part / name, "".join(rows))
    return root


def _touch(folder: Path, id: str) -> None:
    speaker, chapter, _ = id.split("-")
    write_text(folder / speaker / chapter / f"{id}.flac", "")
