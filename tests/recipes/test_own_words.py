"""Recognising one's own speech in any script; what is wrong with words is said before audio is."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mgf_brain.inference import SpeechRecognizer
from tests.data.miniatures_speech import write_noise
from tests.recipes.outcome import finished, refused

pytestmark = pytest.mark.usefixtures("quick")
TEXTS = {
    "Ukrainian": ["Їжак їсть", "п'ять їжаків", "Ґанок"],
    "Chinese": ["你好。", "你们好吗？", "好！"],
    "German and Polish": ["Maße żółwia", "Straße, Äß", "Masse"],
}
WORDS = {
    "Ukrainian": "ЇЖАК ЇСТЬ",
    "Chinese": "你好",
    "German and Polish": "MAßE ŻÓŁWIA",
}


def write_own(folder: Path, texts: list[str], seconds: float = 0.6) -> list[str | Path]:
    """Two speakers who say the texts, one of them the test; the command's words."""
    rows = [["ID", "wav", "spk_id", "wrd", "fold"]]
    for speaker, fold in (("anna", "train"), ("ben", "test")):
        for i, text in enumerate(texts):
            wav = write_noise(folder / f"{speaker}{i}.wav", round(16000 * seconds))
            rows.append([wav.stem, wav.name, speaker, text, fold])
    with open(folder / "speech.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return ["--pretrained", "fbank", "--manifest", folder / "speech.csv", "--data_folder", folder]


@pytest.mark.parametrize("language", TEXTS)
def test_any_script(run, tmp_path: Path, language: str):
    words, out = write_own(tmp_path / "own", TEXTS[language]), tmp_path / "out"
    options = ["--output_folder", out, "--number_of_epochs", 1, "--beam", 4]
    found = finished(run("asr", *words, *options, dataset="Custom"), out, "wer", "cer", "cer_beam")
    assert found["data"]["utterances"] == 3
    assert f"REF: {WORDS[language]}" in (out / "alignments.txt").read_text(encoding="utf-8")
    model = SpeechRecognizer.from_pretrained(out / "model")
    assert set(WORDS[language]) <= set(model.tokens.names)
    assert set(model.transcribe(tmp_path / "own" / "ben0.wav")) <= set("".join(model.tokens.names))


def test_what_is_left_out_and_what_is_unseen_is_said(run, tmp_path: Path):
    words = write_own(tmp_path / "own", ["AT&T", "[NOISE] it’s"])
    manifest = tmp_path / "own" / "speech.csv"
    text = manifest.read_text(encoding="utf-8").replace("ben,AT&T", "ben,ÉTÉ")
    manifest.write_text(text.replace("anna0.wav,anna,AT&T", "anna0.wav,anna,AT&T X"))
    out = tmp_path / "out"
    done = run("asr", *words, "--output_folder", out, "--number_of_epochs", 1, dataset="Custom")
    finished(done, out)
    said = (out / "log.txt").read_text(encoding="utf-8")
    assert "not in the words that are recognised: '[' 2, ']' 2, '’' 2, '&' 1" in said
    assert "counts it as wrong: 'É' 2" in said


@pytest.mark.parametrize(
    "texts, message",
    [
        (["yes", "room 12"], "anna1: '1' in 'room 12'. Write it in words."),
        (["...", ""], "some rows with words (wrd) must have the fold test"),
    ],
)
def test_wrong_words_are_named_before_audio_is_read(run, tmp_path: Path, texts, message):
    words, out = write_own(tmp_path / "own", texts), tmp_path / "out"
    for wav in (tmp_path / "own").glob("*.wav"):
        wav.write_bytes(b"no audio")
    refused(run("asr", *words, "--output_folder", out, dataset="Custom"), message)


def test_transcripts_longer_than_their_audio_are_refused(run, tmp_path: Path):
    words, out = write_own(tmp_path / "own", ["A LONG STORY", "ANOTHER ONE"], 0.1), tmp_path / "out"
    done = run("asr", *words, "--output_folder", out, dataset="Custom")
    refused(done, "2 of 2 training transcripts are longer than their audio has room for: anna0")
    assert not (out / "model").exists()
