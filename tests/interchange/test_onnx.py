"""An ONNX runtime computes what the model does, in batches of any size and length."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mgf_brain.cli import export as command
from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder, new_node
from mgf_brain.inference import SpeakerVerifier, SpeechEncoder
from mgf_brain.interchange.onnx import export_onnx
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import lengths_of
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform

SHAPE = {"input_dim": 8, "dim": 16, "layers": 1, "heads": 2, "ffn": 24, "position_kernel": 8}
LOG_MEL = {"dim": 8, "stack": 2, "bands": 40}
CONVS = {"channels": [8] * 3, "kernels": [10, 8, 4], "strides": [8, 8, 5]}

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def shaken(model: nn.Module) -> nn.Module:
    """Norms and biases are not those that layers begin with."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def write_verifier(folder: Path) -> SpeakerVerifier:
    """``model/`` of a verification run, with log-mel bands, a standardiser and a threshold."""
    speech = SpeechModel(LogMel(**LOG_MEL), TransformerEncoder(**SHAPE))
    encoder = SpeechEncoder(speech, 16000)
    verifier = shaken(SpeakerVerifier(encoder, 32, threshold=0.5))
    verifier.standardiser.mean += torch.randn(32)
    verifier.standardiser.deviation += torch.rand(32)
    parts = new_node(LogMel, **LOG_MEL), new_node(TransformerEncoder, **SHAPE)
    node = new_node(SpeechModel, front_end=parts[0], encoder=parts[1])
    tree = {
        "encoder": new_node(SpeechEncoder, speech_model=node, sample_rate=16000),
        "embedding_dim": 32,
        "threshold": 0.5,
    }
    export_folder(folder, dict(verifier.named_children()), dump_expanded(tree), {}, "# Card\n")
    return SpeakerVerifier.from_pretrained(folder)


def batches(encoder: SpeechEncoder):
    """Alone and padded, from one frame to seconds: waveforms and lengths."""
    rng = torch.Generator().manual_seed(1)
    shortest = encoder.window
    for lengths in ([16000, 9000], [shortest], [4001], [70000, shortest + 1, 30000], [160_000]):
        wavs = torch.zeros(len(lengths), max(lengths))
        for row, length in enumerate(lengths):
            wavs[row, :length] = 0.05 * torch.randn(length, generator=rng) + 0.01
        yield wavs, torch.tensor(lengths)


def run(folder: Path, wavs: torch.Tensor, lengths: torch.Tensor) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return session.run(None, {"wavs": wavs.numpy(), "lengths": lengths.numpy()})


def check_parity(encoder: SpeechEncoder, folder: Path, embed=None) -> None:
    """To 1e-4, at valid frames; embeddings too."""
    for wavs, lengths in batches(encoder):
        states, frames, embedding = run(folder, wavs, lengths)
        expected, counts = encoder.encode(wavs, lengths)
        assert frames.tolist() == counts.tolist()
        assert states.shape == (encoder.num_states, len(wavs), *expected[0].shape[1:])
        for row, count in enumerate(counts.tolist()):
            ours = torch.stack(expected)[:, row, :count].numpy()
            np.testing.assert_allclose(states[:, row, :count], ours, atol=1e-4, rtol=0)
        ours = (embed or encoder.embed)(wavs, lengths).numpy()
        np.testing.assert_allclose(embedding, ours, atol=1e-4, rtol=0)


def test_a_verifier_on_log_mel_bands(tmp_path: Path, capsys: pytest.CaptureFixture):
    verifier = write_verifier(tmp_path / "model")
    words = ["--to", "onnx", str(tmp_path / "model"), str(tmp_path / "export")]
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args(words))
    assert "model.onnx, which differs from the model by" in capsys.readouterr().out

    def embed(wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return verifier.embed([x[:n] for x, n in zip(wavs, lengths, strict=True)], 16000)

    check_parity(verifier.encoder, tmp_path / "export", embed)
    wavs = 0.1 * torch.randn(2, 12000)
    *_, (a, b) = run(tmp_path / "export", wavs, lengths_of(wavs))
    score = a @ b / np.sqrt((a @ a) * (b @ b))
    assert score == pytest.approx(verifier.score(wavs[0], wavs[1], 16000), abs=1e-5)

    config = json.loads((tmp_path / "export" / "config.json").read_text())
    assert config["threshold"] == 0.5 and config["embedding_dim"] == 32
    assert (config["sample_rate"], config["hop"], config["window"]) == (16000, 320, 560)
    card = (tmp_path / "export" / "README.md").read_text()
    assert card.startswith("# Card\n") and "the same speaker from 0.5 on" in card


def test_an_encoder_on_the_waveform(tmp_path: Path):
    encoder = SpeechEncoder(SpeechModel(Waveform(**CONVS), TransformerEncoder(**SHAPE)), 16000)
    shaken(encoder)
    assert export_onnx(encoder, "nowhere", tmp_path / "export") < 1e-4
    check_parity(encoder, tmp_path / "export")


@pytest.mark.slow
@pytest.mark.parametrize("variance_eps", [None, 1e-7])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_encoders_of_the_size_that_is_published(
    tmp_path: Path, variance_eps: float | None, pre_norm: bool
):
    front_end = Waveform(channels=[32] * 7, variance_eps=variance_eps)
    shape = {**SHAPE, "input_dim": 32, "dim": 64, "layers": 3, "pre_norm": pre_norm}
    encoder = SpeechEncoder(SpeechModel(front_end, TransformerEncoder(**shape)), 16000)
    shaken(encoder)
    export_onnx(encoder, "nowhere", tmp_path / "export")
    check_parity(encoder, tmp_path / "export")


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="LogMelFeatures: nothing to export"):
        export_onnx(SpeakerVerifier(LogMelFeatures(), 160), "model", tmp_path / "export")
    encoder = SpeechEncoder(SpeechModel(LogMel(**LOG_MEL), TransformerEncoder(**SHAPE)), 16000)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"onnxscript is not installed: pip install"):
        export_onnx(encoder, "model", tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_a_model_that_torch_cannot_follow_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    encoder = SpeechEncoder(SpeechModel(LogMel(**LOG_MEL), TransformerEncoder(**SHAPE)), 16000)
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: 1 / 0)
    with pytest.raises(UserError, match="pretrained can't become an ONNX graph: division by zero"):
        export_onnx(encoder, "pretrained", tmp_path / "export")
    assert not any(tmp_path.iterdir())
