"""Recordings that are added to speech, at a signal-to-noise ratio, every draw from a key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.keyed_random import uniform

# Of an utterance's key; 0 draws masks, 1 negatives, 2 crops, 3 perturbations of spectra.
SPEED_STREAM, REVERB_STREAM, NOISE_STREAM = 4, 5, 6

Range = tuple[float, float]
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Noise:
    """A kind of noise: its recordings, how loud they are and how many sound at once.

    Example
    -------
    >>> hum = Recordings({"hum.wav": 9}, lambda path, start, frames: torch.ones(frames))
    >>> Noise(hum, snr=(20.0, 20.0)).add(torch.tensor([1.0, -1.0]), [0.0, 0.0, 0.0, 0.0], None)
    tensor([ 1.1000, -0.9000])
    """

    recordings: Recordings
    snr: Range  # dB, of each recording by itself unless they are premixed
    count: tuple[int, int] = (1, 1)
    premixed: bool = False

    def add(
        self,
        wav: torch.Tensor,
        draws: Sequence[float],
        path: str | os.PathLike | None,
        exact: bool = False,
    ) -> torch.Tensor:
        """Noisy audio.

        Arguments
        ---------
        wav : torch.Tensor
            (N,).
        draws : sequence of float
            From 0 to 1: how many recordings, then which, where and how loud for each.
        path : str or os.PathLike, optional
            A recording left out.
        exact : bool
            A recording that can't be read is waited for, then refused; else the next takes its
            place.

        Returns
        -------
        torch.Tensor
            (N,).
        """
        fewest, most = self.count
        number = fewest + int(draws[0] * (most - fewest + 1))
        which, places, loudness = (draws[1 + i :: 3][:number] for i in range(3))
        own = self.recordings.number(path) if path else None
        chosen = _distinct(which, len(self.recordings), own)  # fewer if there are not so many
        taken = {*chosen, own}
        pieces = [
            self.recordings.piece(i, len(wav), u, None if exact else taken)
            for i, u in zip(chosen, places, strict=False)
        ]
        if self.premixed and pieces:
            pieces = [premix(pieces)]
        low, high = self.snr
        return mix(wav, pieces, [low + (high - low) * draw for draw in loudness[: len(pieces)]])


def as_pair(values: Sequence[Number]) -> tuple[Number, Number]:
    """Lowest and highest value of a range, which a yaml gives as a list.

    Example
    -------
    >>> as_pair([5.0, 15.0])
    (5.0, 15.0)
    """
    lowest, highest = values
    return lowest, highest


def mix(wav: torch.Tensor, noises: list[torch.Tensor], snrs: Sequence[float]) -> torch.Tensor:
    """Add noises, each at its own signal-to-noise ratio.

    What torchaudio's ``add_noise`` of each would give, by one product of all noises and their
    gains: a babble has ten voices.

    Arguments
    ---------
    wav : torch.Tensor
        (N,).
    noises : list of torch.Tensor
        (N,) each; silent ones, and all if the signal is silent, add nothing.
    snrs : sequence of float
        In dB, over the whole length.

    Returns
    -------
    torch.Tensor
        (N,).

    Example
    -------
    >>> mix(torch.tensor([1.0, -1.0]), [torch.tensor([4.0, 4.0]), torch.zeros(2)], [20.0, 20.0])
    tensor([ 1.1000, -0.9000])
    """
    if not noises:
        return wav
    levels = 10 ** (-torch.tensor(snrs) / 20)  # (K,)
    return wav + (levels * wav.dot(wav).sqrt() * _inverse_norms(noises)) @ torch.stack(noises)


def premix(noises: list[torch.Tensor]) -> torch.Tensor:
    """The sum of noises that have been made equally loud.

    Arguments
    ---------
    noises : list of torch.Tensor
        (N,) each, at least one; silent ones add nothing.

    Returns
    -------
    torch.Tensor
        (N,).

    Example
    -------
    >>> premix([torch.tensor([0.0, 4.0]), torch.tensor([0.1, 0.0]), torch.zeros(2)])
    tensor([1., 1.])
    """
    return _inverse_norms(noises) @ torch.stack(noises)


def _inverse_norms(noises: list[torch.Tensor]) -> torch.Tensor:
    """(K,), 0 for silence."""
    energies = torch.stack([noise.dot(noise) for noise in noises])
    return torch.where(energies > 0, energies.rsqrt(), 0.0)


def draws_of(key: int, stream: int, count: int) -> list[float]:
    """Uniform draws of an utterance's key, (count,), in [0, 1).

    Example
    -------
    >>> draws_of(5, NOISE_STREAM, count=2) == draws_of(5, NOISE_STREAM, count=4)[:2]
    True
    """
    return uniform(torch.tensor([key]), count, stream)[0].tolist()


def _distinct(draws: Sequence[float], count: int, left_out: int | None = None) -> list[int]:
    """A different number below count from each draw, without one left out, while there are any.

    Example
    -------
    >>> _distinct([0.9, 0.0, 0.9], 3, left_out=0)
    [2, 1]
    """
    taken = [] if left_out is None else [left_out]
    chosen: list[int] = []
    for draw in draws[: count - len(taken)]:
        index = int(draw * (count - len(taken)))
        for other in taken:  # in rising order: the index-th of those free
            index += other <= index
        chosen.append(index)
        taken = sorted([*taken, index])
    return chosen
