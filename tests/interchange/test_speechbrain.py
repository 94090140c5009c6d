"""Unmodified classes of SpeechBrain load what is exported, and say the same as ours."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import soundfile
import torch
from speechbrain.inference.ASR import EncoderASR
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.inference.encoders import WaveformEncoder
from speechbrain.inference.speaker import SpeakerRecognition

from mgf_brain.cli import export as command
from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder, new_node
from mgf_brain.inference import (
    EmotionClassifier,
    SpeakerVerifier,
    SpeechEncoder,
    SpeechRecognizer,
    UtteranceClassifier,
    example_encoder,
)
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.interchange.speechbrain import export_speechbrain
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.nn.speech_model import SpeechModel
from tests.ctc_heads import talkative_head
from tests.inference.folders import LABELS, encoder_yaml, write_classifier, write_folder

SIZES = {"num_states": 3, "dim": 32, "hop": 640}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """White noise, and longer noise of a falling spectrum, of another rate, in two channels."""
    generator = torch.Generator().manual_seed(0)
    first = 0.1 * torch.randn(24000, generator=generator)
    second = 0.001 * torch.randn(40000, 2, generator=generator).cumsum(0)
    names = [str(tmp_path / name) for name in ("a.wav", "b.wav")]
    soundfile.write(names[0], first.numpy(), 16000)
    soundfile.write(names[1], second.numpy(), 22050)
    return names


def write_verifier(folder: Path, **threshold: float) -> Path:
    torch.manual_seed(0)
    model = SpeakerVerifier(example_encoder(), 64).eval()
    noise = torch.randn(1, 16000)
    model.standardiser.mean += model.encoder.embed(noise, torch.tensor([16000]))[0]
    model.standardiser.deviation += torch.rand(64)
    return write_folder(folder, model, "# Card\n", embedding_dim=64, **threshold)


def write_encoder(folder: Path) -> Path:
    torch.manual_seed(0)
    parts = encoder_yaml()
    modules = {"speech_model": example_encoder().speech_model}
    return export_folder(folder, modules, dump_expanded(dict(parts)), {"hparams": "x"}, "# Card\n")


def write_recogniser(folder: Path, tokens: Tokens | SentencePieceTokens) -> Path:
    torch.manual_seed(3)
    sizes = {**SIZES, "tokens": len(tokens)}
    model = SpeechRecognizer(example_encoder(), talkative_head(**sizes), tokens).eval()
    if isinstance(tokens, SentencePieceTokens):
        write_folder(folder, model, head=new_node(CTCHead, **sizes), tokens=tokens.path.name)
        (folder / tokens.path.name).write_bytes(tokens.path.read_bytes())
        return folder
    node = new_node(Tokens, symbols=tokens.names[1:], separator=tokens.separator)
    return write_folder(folder, model, head=new_node(CTCHead, **sizes), tokens=node)


def exported(kind: type, ours: torch.nn.Module, folder: Path, loaded_by: str | None = None):
    """The export of a folder, as a class of SpeechBrain loads it from elsewhere."""
    output = folder.parent / "export"
    assert kind.__name__ in export_speechbrain(ours, folder, output, loaded_by)
    moved = output.rename(folder.parent / "moved")
    return kind.from_hparams(source=str(moved), savedir=str(folder.parent / "saved"))


def test_speaker_recognition_scores_as_ours(tmp_path: Path, files: list[str]):
    ours = SpeakerVerifier.from_pretrained(write_verifier(tmp_path / "model", threshold=0.4))
    theirs = exported(SpeakerRecognition, ours, tmp_path / "model")
    score, _ = theirs.verify_files(*files)
    assert score.item() == pytest.approx(ours.score(*files), abs=1e-5)
    assert abs(score) < 0.99 and theirs.hparams.threshold == 0.4
    wavs, lengths = padded()
    embeddings = theirs.encode_batch(wavs, lengths / 16000)
    torch.testing.assert_close(embeddings, theirs.encode_batch(wavs, lengths / 16000, True))
    for row, wav, length in zip(embeddings, wavs, lengths.tolist(), strict=True):
        torch.testing.assert_close(row, ours.embed(wav[:length], 16000), atol=1e-5, rtol=0)


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Two waveforms (2, 16000), of which the second is padded, and their lengths."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([16000, 11111])
    wavs = torch.randn(2, 16000, generator=generator)
    return wavs * (torch.arange(16000) < lengths[:, None]), lengths


def test_a_pretrained_folder_serves_three_classes(tmp_path: Path, files: list[str]):
    ours = SpeechEncoder.from_pretrained(write_encoder(tmp_path / "pretrained"))
    theirs = exported(WaveformEncoder, ours, tmp_path / "pretrained")
    wavs, lengths = padded()
    made = theirs.encode_batch(wavs, lengths / 16000)
    states, frames = ours.encode(wavs, lengths)
    assert made["lengths"].tolist() == frames.tolist()
    for ours_, theirs_ in zip(states, made["states"], strict=True):
        torch.testing.assert_close(theirs_, ours_, atol=1e-5, rtol=0)
    assert theirs.encode_file(files[0]).shape == (1, 37, 32)
    for kind in (SpeakerRecognition, EncoderClassifier):
        folders = {"source": str(tmp_path / "moved"), "savedir": str(tmp_path / kind.__name__)}
        embeddings = kind.from_hparams(**folders).encode_batch(wavs, lengths / 16000)
        torch.testing.assert_close(embeddings[:, 0], ours.embed(wavs, lengths), atol=1e-5, rtol=0)


def test_encoder_classifier_names_the_classes_as_ours(tmp_path: Path, files: list[str]):
    write_classifier(tmp_path / "model")
    ours = UtteranceClassifier.from_pretrained(tmp_path / "model")
    theirs = exported(EncoderClassifier, ours, tmp_path / "model")
    for file in files:
        probabilities, score, index, labels = theirs.classify_file(file)
        ranked = dict(ours.classify(file))
        assert labels == [next(iter(ranked))] == [LABELS[int(index)]]
        assert probabilities[0].exp().tolist() == pytest.approx(
            [ranked[label] for label in LABELS], abs=1e-5
        )
        assert score.exp().item() == pytest.approx(ranked[labels[0]], abs=1e-5)
    wavs, lengths = padded()
    torch.testing.assert_close(
        theirs.classify_batch(wavs, lengths / 16000)[0].exp(),
        ours(wavs, lengths),
        atol=1e-5,
        rtol=0,
    )


def units(folder: Path) -> SentencePieceTokens:
    return SentencePieceTokens.train(["WE CALL IT", "BEAR"] * 3, 14, folder / "units.model")


@pytest.mark.parametrize("kind", ["characters", "phones", "units"])
def test_encoder_asr_writes_as_ours(tmp_path: Path, files: list[str], kind: str):
    tokens = {
        "characters": Tokens("ABCDEF"),
        "phones": Tokens(["AA", "no", "1", "~"], separator=" "),
        "units": units(tmp_path),
    }[kind]
    ours = SpeechRecognizer.from_pretrained(write_recogniser(tmp_path / "model", tokens))
    theirs = exported(EncoderASR, ours, tmp_path / "model", "EncoderASR")
    texts = [theirs.transcribe_file(file) for file in files]
    assert texts == ours.transcribe(files) and all(texts)
    wavs, lengths = padded()
    words, _ = theirs.transcribe_batch(wavs, lengths / 16000)
    alone = [wav[:length] for wav, length in zip(wavs, lengths.tolist(), strict=True)]
    assert words == ours.transcribe(alone, 16000)


def test_long_files_are_cut_into_the_same_chunks(tmp_path: Path):
    ours = SpeechRecognizer.from_pretrained(write_recogniser(tmp_path / "model", Tokens("ABC")))
    theirs = exported(EncoderASR, ours, tmp_path / "model")
    ours.chunk, ours.overlap = 20, 8
    theirs.mods.encoder.model.chunk, theirs.mods.encoder.model.overlap = 20, 8
    wav = torch.randn(48000)
    log_probabilities = theirs.encode_batch(wav[None], torch.ones(1))[0]
    torch.testing.assert_close(log_probabilities, ours.log_probabilities(wav[None]))


def test_the_card_and_the_results_go_along(tmp_path: Path):
    ours = SpeechEncoder.from_pretrained(write_encoder(tmp_path / "pretrained"))
    export_speechbrain(ours, tmp_path / "pretrained", tmp_path / "export")
    card = (tmp_path / "export" / "README.md").read_text()
    assert card.startswith("# Card\n") and "import WaveformEncoder" in card
    assert sorted(path.name for path in (tmp_path / "export").iterdir()) == [
        "README.md",
        "hyperparams.yaml",
        "model.ckpt",
        "results.json",
    ]
    assert str(tmp_path) not in (tmp_path / "export" / "hyperparams.yaml").read_text()


def test_emotions_are_classes_too(tmp_path: Path):
    write_classifier(tmp_path / "model")
    ours = EmotionClassifier.from_pretrained(tmp_path / "model")
    assert exported(EncoderClassifier, ours, tmp_path / "model").hparams.model.labels == LABELS


def test_a_folder_without_what_the_class_needs(tmp_path: Path):
    write_classifier(tmp_path / "model")
    ours = UtteranceClassifier.from_pretrained(tmp_path / "model")
    with pytest.raises(UserError, match="EncoderASR needs what a UtteranceClassifier has not"):
        export_speechbrain(ours, tmp_path / "model", tmp_path / "export", "EncoderASR")
    with pytest.raises(
        UserError, match="holds a SpeechModel, which no class of SpeechBrain can load"
    ):
        model = SpeechModel(torch.nn.Identity(), torch.nn.Identity())
        export_speechbrain(model, tmp_path / "model", tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_words_that_speechbrain_would_run_are_refused(tmp_path: Path):
    """Its loader forgets quotes."""
    write_classifier(tmp_path / "model")
    path = tmp_path / "model" / "hyperparams.yaml"
    word = "'(!!python/object/apply:os.getcwd [])'"
    path.write_text(path.read_text().replace('"no"', word))
    ours = UtteranceClassifier.from_pretrained(tmp_path / "model")
    with pytest.raises(UserError, match="hyperparams.yaml, line .*HyperPyYAML would evaluate"):
        export_speechbrain(ours, tmp_path / "model", tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_audio_shorter_than_a_frame_is_refused(tmp_path: Path):
    ours = SpeechEncoder.from_pretrained(write_encoder(tmp_path / "pretrained"))
    theirs = exported(WaveformEncoder, ours, tmp_path / "pretrained")
    with pytest.raises(UserError, match=r"shorter than a frame \(880 samples\)"):
        theirs.encode_batch(torch.zeros(2, 1000), torch.tensor([1.0, 0.8]))


def test_the_command_refuses_to_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    write_verifier(tmp_path / "model")
    words = ["--to", "speechbrain", str(tmp_path / "model"), str(tmp_path / "export")]
    command.run(parser.parse_args(words))
    assert "loads in speechbrain as SpeakerRecognition" in capsys.readouterr().out
    with pytest.raises(UserError, match="export exists and is not empty"):
        command.run(parser.parse_args(words))
