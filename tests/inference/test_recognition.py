"""Chunks that add up to the file, and tokens that come from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.folder.write import new_node
from mgf_brain.inference import SpeechRecognizer, example_encoder
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.spectrum import frame_count
from tests.ctc_heads import talkative_head
from tests.inference.folders import write_folder

RATE, REACH = 16000, 3


class Bounded(nn.Module):
    """An encoder that looks no further than ``REACH`` frames."""

    sample_rate, num_states, dim = RATE, 2, 6

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop, self.window = hop, hop + 240
        self.first = nn.Conv1d(1, self.dim, self.window, stride=hop)
        self.second = nn.Conv1d(self.dim, self.dim, 2 * REACH + 1, padding=REACH)

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        x = self.first(wavs[:, None])
        states = [y.transpose(1, 2) for y in (x, self.second(x.tanh()))]
        return states, frame_count(lengths, self.window, self.hop)


def recognizer(hop: int, overlap_units: int, chunk_units: int = 40) -> SpeechRecognizer:
    torch.manual_seed(hop)
    encoder = Bounded(hop)
    head = talkative_head(num_states=2, dim=encoder.dim, hop=hop, tokens=4, hidden=8)
    unit = hop * head.stack / RATE
    return SpeechRecognizer(
        encoder, head, Tokens("ABC"), chunk_units * unit, overlap_units * unit
    ).eval()


def reach(model: SpeechRecognizer) -> int:
    """Units that encoder and head see on either side: each convolution of the head, and frames."""
    return sum(conv.padding[0] for conv in model.head.convs) + -(-REACH // model.head.stack)


@pytest.mark.parametrize("hop", [160, 320, 640, 960])
def test_joined_chunks_are_the_whole_file_where_the_context_is_bounded(hop: int):
    model = recognizer(hop, overlap_units=16)
    assert 2 * reach(model) <= 16
    whole = recognizer(hop, overlap_units=16, chunk_units=10**6)
    generator = torch.Generator().manual_seed(0)
    for units in (1, 39, 40, 41, 63, 64, 65, 88, 89, 170):
        extra = int(torch.randint(model.unit, (), generator=generator))
        samples = max(model.encoder.window, (units - 1) * model.unit + extra)
        wavs = torch.randn(1, samples, generator=generator)
        expected = whole.log_probabilities(wavs)
        torch.testing.assert_close(model.log_probabilities(wavs), expected, atol=1e-5, rtol=0)


def test_without_an_overlap_chunks_end_blindly():
    model, whole = recognizer(320, overlap_units=0), recognizer(320, 0, chunk_units=10**6)
    wavs = torch.randn(1, 100 * model.unit)
    joined, expected = model.log_probabilities(wavs), whole.log_probabilities(wavs)
    assert joined.shape == expected.shape and not torch.allclose(joined, expected, atol=1e-5)


def test_several_utterances_and_one_of_another_rate():
    model, wav = recognizer(320, 16), torch.randn(12000)
    text = model.transcribe(wav, RATE)
    assert model.transcribe([wav, wav[:6000]], RATE) == [text, model.transcribe(wav[:6000], RATE)]
    assert isinstance(model.transcribe(torch.randn(6000), sample_rate=8000), str)
    with pytest.raises(UserError, match="shorter than a frame"):
        model.transcribe(wav[:500], RATE)


@pytest.mark.parametrize("name", ["units.model", "../../units.model"])
def test_units_come_from_the_folder_itself(tmp_path: Path, name: str):
    units = SentencePieceTokens.train(["WE CALL IT", "BEAR"] * 3, 14, tmp_path / "units.model")
    sizes = {"num_states": 3, "dim": 32, "hop": 640, "tokens": len(units)}
    model = SpeechRecognizer(example_encoder(), talkative_head(**sizes), units)
    write_folder(tmp_path / "model", model, head=new_node(CTCHead, **sizes), tokens=name)
    units.path.rename(tmp_path / "model" / "units.model")
    loaded, wav = SpeechRecognizer.from_pretrained(tmp_path / "model"), torch.randn(32000)
    assert loaded.tokens.names == units.names
    assert loaded.transcribe(wav, RATE) == model.transcribe(wav, RATE) != ""


def test_symbols_that_yaml_could_take_for_something_else(tmp_path: Path):
    tokens = Tokens([" ", "'", "no", "1", "~", "#"], separator=" ")
    sizes = {"num_states": 3, "dim": 32, "hop": 640, "tokens": len(tokens)}
    model = SpeechRecognizer(example_encoder(), CTCHead(**sizes), tokens)
    node = new_node(Tokens, symbols=tokens.names[1:], separator=tokens.separator)
    write_folder(tmp_path / "model", model, head=new_node(CTCHead, **sizes), tokens=node)
    loaded = SpeechRecognizer.from_pretrained(tmp_path / "model").tokens
    assert (loaded.names, loaded.separator) == (tokens.names, " ")


@pytest.mark.parametrize("overlap, chunk", [(8, 8), (9, 8), (0, 0)])
def test_chunks_that_are_all_overlap_are_refused(overlap: int, chunk: int):
    with pytest.raises(UserError, match="overlap_seconds: .* Make it shorter"):
        recognizer(320, overlap, chunk)
