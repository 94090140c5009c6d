"""Enhancing files of any length and rate."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from mgf_brain.data.audio import read_audio
from mgf_brain.errors import UserError
from mgf_brain.folder.write import new_node
from mgf_brain.inference import Enhancer, example_encoder
from mgf_brain.nn.mask_head import MaskHead
from tests.inference.folders import write_folder

SIZES = {"num_states": 3, "dim": 32, "hop": 640, "window": 880, "hidden": 8, "layers": 1}


class Halver(nn.Module):
    """A head for which a chunk is as good as the whole."""

    def forward(self, states, frames, noisy, lengths):
        self.longest = max(noisy.shape[1], getattr(self, "longest", 0))
        return noisy / 2


def make_enhancer() -> Enhancer:
    torch.manual_seed(0)
    encoder = example_encoder()
    assert (encoder.hop, encoder.window) == (SIZES["hop"], SIZES["window"])
    return Enhancer(encoder, MaskHead(**SIZES)).eval()


def noise(samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("samples", [15999, 16000, 16001, 28000, 28001, 40000, 50123])
def test_chunks_are_joined_without_a_seam(samples: int):
    enhancer = Enhancer(example_encoder(), Halver(), chunk_seconds=1.0, overlap_seconds=0.25)
    wav = noise(samples)
    made = enhancer.enhance(wav, sample_rate=16000)
    torch.testing.assert_close(made, wav / 2)
    assert enhancer.head.longest <= 16000


def test_a_long_file_is_nearly_what_it_is_as_a_whole():
    whole = make_enhancer()
    cut = Enhancer(whole.encoder, whole.head, chunk_seconds=2.0, overlap_seconds=0.5).eval()
    wav = noise(5 * 16000)
    one, several = (x.enhance(wav, sample_rate=16000) for x in (whole, cut))
    assert not torch.equal(one, several)
    assert (one - several).square().mean() < 0.01 * one.square().mean()


def test_files_arrays_and_lists(tmp_path):
    enhancer, wav = make_enhancer(), noise(8000)
    path = tmp_path / "speech.wav"
    soundfile.write(path, wav.numpy(), 16000, subtype="FLOAT")
    of_file, of_array = enhancer.enhance([path, wav], sample_rate=16000)
    torch.testing.assert_close(of_file, of_array)
    torch.testing.assert_close(enhancer.enhance(wav.numpy(), 16000), of_array)
    assert enhancer.enhance(np.zeros(12000), sample_rate=48000).shape == (4000,)


def test_the_folder_holds_all_that_is_needed(tmp_path):
    enhancer = make_enhancer()
    with torch.no_grad():
        enhancer.head.mean.normal_()
    folder = write_folder(tmp_path / "model", enhancer, head=new_node(MaskHead, **SIZES))
    loaded, wav = Enhancer.from_pretrained(folder), noise(16000)
    assert torch.equal(loaded.enhance(wav, 16000), enhancer.enhance(wav, 16000))


def test_an_overlap_must_hold_a_frame_and_leave_something():
    for chunk, overlap in ((1.0, 1.0), (1.0, 0.05)):
        with pytest.raises(UserError, match="overlap_seconds: .* must hold a frame"):
            Enhancer(example_encoder(), Halver(), chunk, overlap)


def test_silence_stays_silence(tmp_path):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(8000), 16000)
    made = make_enhancer().enhance(path)
    assert made.shape == read_audio(path).shape and not made.any()
