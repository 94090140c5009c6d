"""What frames are clustered by where intonation is to be learnt: pitch, voicing and level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torchaudio.functional import compute_deltas

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import read_patiently
from mgf_brain.nn.f0 import HOP, WINDOW, track_f0
from mgf_brain.spectrum import normalise_frames, power_spectrum

MIDDLE, OCTAVE = math.log(165.0), math.log(2.0)  # Hz: between men's and women's voices
DELTA_FRAMES = 9  # of 10 ms, over which a difference is taken
FLOOR = 1e-7  # of power, as of the log-mel bands


class ProsodyFeatures:
    """Height of the voice, voicing, level, and how pitch and level move, every 10 ms.

    Pitch is in octaves from 165 Hz, 0 where unvoiced, and keeps how high the voice is; level is
    relative to the utterance's, which says nothing of the recording. All are of the order of 1.

    Example
    -------
    >>> tone = 0.1 * torch.sin(2 * torch.pi * 165 * torch.arange(16000) / 16000)
    >>> features = ProsodyFeatures()(tone)
    >>> features.shape, features[50, :2].round(decimals=1).tolist()
    (torch.Size([98, 5]), [0.0, 1.0])
    """

    hop, window, dim = HOP, WINDOW, 5

    def fingerprint(self) -> str:
        """What the features depend on beside the audio."""
        from pyworld import __version__ as tracker

        constants = (MIDDLE, OCTAVE, DELTA_FRAMES, FLOOR, HOP, WINDOW)
        return f"prosody {constants} {tracker} {torch.__version__}"

    def __call__(self, wav: torch.Tensor) -> torch.Tensor:
        """(N,) at 16 kHz -> (T, 5): pitch, voicing, level, change of pitch, change of level."""
        f0 = track_f0(wav)
        voiced = (f0 > 0).float()
        pitch = (f0.clamp(min=1.0).log() - MIDDLE) / OCTAVE * voiced
        power = power_spectrum(wav[None], WINDOW, HOP)[0].mean(-1)  # (T,)
        everywhere = torch.ones(1, len(power), dtype=torch.bool)
        level = normalise_frames((power + FLOOR).log()[None, :, None], everywhere)[0, :, 0]
        changes = compute_deltas(torch.stack([pitch, level]), DELTA_FRAMES)  # (2, T), a frame
        rise, growth = 10.0 * changes  # in 100 ms
        steady = voiced * compute_deltas(voiced[None], DELTA_FRAMES)[0].abs().lt(1e-6)
        return torch.stack([pitch, voiced, level, rise * steady, growth], dim=1)

    def of(self, utterances: Sequence[Utterance]) -> Iterator[torch.Tensor]:
        """Features of each utterance, (T, 5), in their order."""
        with ThreadPoolExecutor() as pool:  # decoding and DIO release the interpreter's lock
            yield from pool.map(lambda row: self(read_patiently(row.wav)), utterances)
