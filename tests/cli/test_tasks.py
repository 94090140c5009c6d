"""verify, transcribe and emotion say what the classes say; what is bad is named."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import soundfile

from mgf_brain.cli.main import main
from mgf_brain.inference import SpeakerVerifier
from tests.cli.conftest import FILES, write_classifier, write_recognizer, write_verifier


def test_verify_says_what_the_class_says(run, wavs, tmp_path):
    pair = wavs / "a.wav", wavs / "b.flac"
    score = write_verifier(tmp_path / "model").score(*pair)
    for threshold, verdict in ((score - 0.01, "same"), (score + 0.01, "different")):
        write_verifier(tmp_path / "model", threshold=threshold)
        found = run("verify", *pair, "--model", tmp_path / "model")
        lines = [f"score\t{score:.4f}", f"threshold\t{threshold:.4f}", f"{verdict} speaker"]
        assert found == (0, "\n".join(lines) + "\n", "")


def test_a_threshold_of_ones_own_goes_before_the_models(run, wavs, tmp_path):
    write_verifier(tmp_path / "model", threshold=2.0)
    words = ["verify", wavs / "a.wav", wavs / "b.flac", "--model", tmp_path / "model"]
    assert run(*words).out.splitlines()[-1] == "different speaker"
    assert run(*words, "--threshold", "-1").out.splitlines()[-1] == "same speaker"


def test_without_a_threshold_there_is_only_a_score(run, wavs, tmp_path):
    write_verifier(tmp_path / "model")
    done = run("verify", wavs / "a.wav", wavs / "b.flac", "--model", tmp_path / "model")
    assert done.status == 0 and "speaker" not in done.out
    assert done.out.splitlines()[-1] == "threshold\tnone in this model: pass --threshold"


def test_transcribe_writes_a_line_a_file(run, wavs, tmp_path):
    model = write_recognizer(tmp_path / "model")
    done = run("transcribe", wavs, "--model", tmp_path / "model")
    expected = [f"{wavs / name}\t{model.transcribe(wavs / name)}" for name in FILES]
    assert done.status == 0 and done.out.splitlines() == expected


def test_letters_are_written_whatever_the_locale(wavs, tmp_path, monkeypatch):
    write_recognizer(tmp_path / "model")
    (wavs / "a.wav").rename(wavs / "żółw.wav")
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    main(["transcribe", str(wavs / "żółw.wav"), "--model", str(tmp_path / "model")])
    out.flush()
    assert out.buffer.getvalue().decode().startswith(f"{wavs}/żółw.wav\t")


def test_emotion_writes_classes_and_probabilities(run, wavs, tmp_path):
    model = write_classifier(tmp_path / "model")
    done = run("emotion", wavs / "b.flac", wavs / "a.wav", "--model", tmp_path / "model")
    for line, name in zip(done.out.splitlines(), ("b.flac", "a.wav"), strict=True):
        path, *cells = line.split("\t")
        assert path == str(wavs / name)
        assert cells == [f"{label} {share:.4f}" for label, share in model.classify(path)]


def test_a_broken_file_is_named_and_the_others_are_done(run, wavs, tmp_path):
    write_classifier(tmp_path / "model")
    (wavs / "aa.wav").write_text("no audio")
    done = run("emotion", wavs, "--model", tmp_path / "model")
    assert done.status == 2 and len(done.out.splitlines()) == len(FILES)
    assert f"error: cannot read {wavs / 'aa.wav'}" in done.err
    assert done.err.splitlines()[-1] == "error: 1 of 4 files could not be used, see above."


def test_a_single_broken_file_is_one_line(run, wavs, tmp_path):
    write_classifier(tmp_path / "model")
    (wavs / "aa.wav").write_text("no audio")
    done = run("emotion", wavs / "aa.wav", "--model", tmp_path / "model")
    assert done.status == 2 and len(done.err.splitlines()) == 1
    assert done.err.startswith(f"error: cannot read {wavs / 'aa.wav'}")


@pytest.mark.parametrize(
    "words, message",
    [
        (["verify", "a.wav", "nowhere.wav"], "nowhere.wav: no such file. Check the path."),
        (["verify", "a.wav", "sub"], "sub: no such file. Check the path."),
        (["transcribe", "nowhere"], "nowhere: no such file. Check the path."),
        (["emotion", "empty"], "empty holds no audio"),
        (["emotion", "a.wav"], "holds no UtteranceClassifier"),
        (["transcribe", "a.wav"], "holds no SpeechRecognizer"),
        (["verify", "a.wav", "b.flac", "--device", "abacus"], "--device 'abacus' is none"),
        (["verify", "a.wav", "b.flac", "--device", "meta"], "--device 'meta' is none"),
        (["verify", "a.wav", "b.flac", "--device", "cuda:-1"], "--device 'cuda:-1' is none"),
        (["verify", "a.wav", "b.flac", "--model", "empty"], "empty holds no model"),
        (["verify", "a.wav", "b.flac", "--threshold", "nan"], "--threshold nan: compare with"),
        (["transcribe", ""], "an argument is empty. Is a variable of the shell not set?"),
        (["verify", "a.wav", "silence.wav"], "silence.wav is digital silence"),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, wavs, tmp_path, monkeypatch, words, message):
    (wavs / "empty").mkdir()
    soundfile.write(wavs / "silence.wav", np.zeros(8000), 16000)
    write_verifier(tmp_path / "model")
    monkeypatch.chdir(wavs)
    done = run(*words[:1], "--model", tmp_path / "model", *words[1:])
    assert done.status == 2 and done.out == "" and len(done.err.splitlines()) == 1
    assert done.err.startswith("error: ") and message in done.err


def test_trust_reaches_the_class(run, wavs, tmp_path, monkeypatch):
    model, given = write_verifier(tmp_path / "model"), []

    def from_pretrained(*words):
        given.append((words[0].place, *words[1:]))
        return model

    monkeypatch.setattr(SpeakerVerifier, "from_pretrained", from_pretrained)
    words = ["verify", wavs / "a.wav", wavs / "b.flac", "--model", tmp_path]
    assert run(*words).status == run(*words, "--trust").status == 0
    folder = tmp_path / "model"  # of the run in tmp_path
    assert given == [(folder, "cpu", False), (folder, "cpu", True)]
