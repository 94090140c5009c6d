"""Rooms: impulse responses, recorded or drawn from a statistical model, and what they do to speech.

Convolution is SciPy's: on one thread and in single precision it takes half the time of
torchaudio's, and it chooses a fast length of the FFT by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.signal import fftconvolve

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.augment.recordings import first_readable
from mgf_brain.data.decoding import named_faults, open_audio, read_frames
from mgf_brain.data.resampling import resample
from mgf_brain.keyed_random import make_key


class RecordedRooms:
    """Impulse responses from files, of which the last thousand stay in memory.

    Of several channels the first is taken.

    Arguments
    ---------
    paths : sequence of Path
        Audio of any rate.

    Example
    -------
    >>> import soundfile
    >>> path = getfixture("tmp_path") / "room.wav"
    >>> soundfile.write(path, np.ones(80), samplerate=8000)
    >>> rooms = RecordedRooms([path])
    >>> len(rooms), rooms[0].shape
    (1, torch.Size([160]))
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        """Responses."""
        return len(self.paths)

    def __getitem__(self, number: int) -> torch.Tensor:
        """(M,) float32, an impulse response at 16 kHz."""
        return first_readable(_read_response, [*self.paths[number:], *self.paths[:number]])


@dataclass(frozen=True)
class SimulatedRooms:
    """Impulse responses drawn from Polack's model: the direct sound, then decaying Gaussian noise.

    h(0) = 1 and h(t) = b(t) exp(-3 ln(10) t / RT60) for t > 0 with white Gaussian b, so that the
    sound has fallen by 60 dB after RT60 (Polack, La transmission de l'énergie sonore dans les
    salles, Université du Maine, 1988). How loud b is follows from the direct-to-reverberant ratio.
    It has no distinct early reflections and decays alike at all frequencies.

    Arguments
    ---------
    count : int
        Of rooms; number i is the same whatever the count.
    rt60 : tuple of float
        Shortest and longest reverberation time in seconds, drawn uniformly. Furnished rooms are
        near 0.3 s, lecture halls near 0.8 s.
    ratio : tuple of float
        Lowest and highest direct-to-reverberant energy ratio in dB, drawn uniformly. 0 dB is heard
        at the critical distance, 10 dB at a third of it.
    seed : int
        Of all rooms.

    Example
    -------
    >>> rooms = SimulatedRooms(10, rt60=(0.2, 0.8))
    >>> response = rooms[3]
    >>> response[0].item(), 3200 <= len(response) <= 12800, torch.equal(response, rooms[3])
    (1.0, True, True)
    """

    count: int
    rt60: tuple[float, float] = (0.2, 0.8)
    ratio: tuple[float, float] = (0.0, 10.0)
    seed: int = 0

    def __len__(self) -> int:
        """Rooms."""
        return self.count

    def __getitem__(self, number: int) -> torch.Tensor:
        """(RT60 * 16000,) float32, an impulse response at 16 kHz."""
        return _simulate(make_key(self.seed, number), self.rt60, self.ratio)


def reverberate(wav: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    """The utterance as heard in a room, as loud and at the same time as before.

    Arguments
    ---------
    wav : torch.Tensor
        (N,).
    response : torch.Tensor
        (M,) the room's impulse response; its largest value, taken as the direct sound, becomes
        time 0, so that labels by frame stay in place.

    Returns
    -------
    torch.Tensor
        (N,), of the same energy.

    Example
    -------
    >>> reverberate(torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 2.0, 0.0])).round()
    tensor([0., 1., 0., 0.])
    """
    peak = int(response.abs().argmax())
    response = response / response[peak].abs().clamp(min=1e-30)
    wet = torch.from_numpy(fftconvolve(wav.numpy(), response.numpy()))[peak : peak + len(wav)]
    energy = wet.square().sum()
    return wet * (wav.square().sum() / energy).sqrt() if energy > 0 else wav


@functools.lru_cache(maxsize=1000)  # 64 MB at a second each
def _read_response(path: Path) -> torch.Tensor:
    with named_faults(path), open_audio(path) as file:
        samples, rate = read_frames(file, 0), file.samplerate
    # The mean over microphones, which read_audio would take, is a comb filter.
    return resample(torch.from_numpy(samples[:, 0].copy()), rate, SAMPLE_RATE)


@functools.lru_cache(maxsize=1000)
def _simulate(key: int, rt60: tuple[float, float], ratio: tuple[float, float]) -> torch.Tensor:
    random = np.random.default_rng(key)
    seconds, decibels = random.uniform(*rt60), random.uniform(*ratio)
    time = np.arange(1, round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = random.standard_normal(len(time)) * np.exp(-3 * np.log(10) * time / seconds)
    tail *= 10 ** (-decibels / 20) / np.linalg.norm(tail)
    return torch.from_numpy(np.concatenate([[1.0], tail])).float()
