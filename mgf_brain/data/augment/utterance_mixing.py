"""Utterance mixing: overlapped and noisy speech out of a corpus that has neither."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.data.augment.noise import Noise, Range, as_pair
from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.errors import check_range, check_share
from mgf_brain.keyed_random import uniform
from mgf_brain.papers import WAVLM

MIXING_STREAM = 10  # of a crop's key; lower ones draw masks, negatives, augmentation, Gumbel noise


class UtteranceMixing:
    """Add a piece of another utterance, or of noise (Chen et al. 2022, algorithm 1).

    The piece lasts up to half of the crop and lies anywhere in it and in its source. Targets stay
    those of the utterance itself: an encoder learns who the main speaker is.

    Arguments
    ---------
    probability : float
        Share of the crops that something is added to.
    noise_folder : str or os.PathLike, optional
        Recordings at any depth; None adds speech alone.
    noise_share : float
        Of the pieces that are noise.
    speech_ratio, noise_ratio : tuple of float
        Lowest and highest energy ratio in dB, drawn uniformly: of the crop to as much of the
        source, before the piece is cut out.
    cache_mb : float
        Memory for the shortest recordings of noise, in each process.

    Raises
    ------
    UserError
        If the folder holds no audio, or a share or a range is none.

    Example
    -------
    >>> reader = lambda path, start, frames: torch.ones(frames)
    >>> rows = [Utterance("a", 1.0, "a.wav", "s"), Utterance("b", 1.0, "b.wav", "s")]
    >>> mixing = UtteranceMixing(probability=1.0).for_corpus(rows, reader)
    >>> wav = mixing(torch.ones(16000), key=5, path="a.wav")
    >>> 0 < (wav > 1.0).sum().item() <= 8000
    True
    """

    papers = (WAVLM,)

    def __init__(
        self,
        probability: float = 0.2,
        noise_folder: str | os.PathLike | None = None,
        noise_share: float = 0.1,
        speech_ratio: Range = (-5.0, 5.0),
        noise_ratio: Range = (-5.0, 20.0),
        cache_mb: float = 300.0,
    ) -> None:
        check_share("mixing_probability", probability)
        check_share("noise_share", noise_share)
        check_range("speech_ratio", speech_ratio)
        check_range("noise_ratio", noise_ratio)
        self.probability, self.noise_share = probability, noise_share if noise_folder else 0.0
        self.speech = Noise(Recordings({}, read_audio), as_pair(speech_ratio))
        files = audio_files(noise_folder, "noise_folder") if noise_folder else []
        self.noise = Noise(Recordings.of_files(files, cache_mb), as_pair(noise_ratio))

    def for_corpus(
        self, utterances: Iterable[Utterance], read: Callable[..., torch.Tensor]
    ) -> UtteranceMixing:
        """The same mixing, its speech drawn from these utterances.

        Arguments
        ---------
        utterances : iterable of Utterance
            Their speakers are not asked for.
        read : callable
            ``read(path, start=, frames=) -> (samples,)``.
        """
        other = copy.copy(self)
        other.speech = replace(self.speech, recordings=Recordings.of_utterances(utterances, read))
        return other

    def __call__(
        self, wav: torch.Tensor, key: int, path: str | os.PathLike | None = None
    ) -> torch.Tensor:
        """Mix a crop.

        Arguments
        ---------
        wav : torch.Tensor
            (N,) float32 at 16 kHz.
        key : int
            Of (seed, epoch, utterance, crop); it decides all.
        path : str or os.PathLike, optional
            The utterance's own file, which is not added to it.

        Returns
        -------
        torch.Tensor
            (N,). Sums are not clipped and may pass 1.
        """
        whether, kind, *draws = uniform(torch.tensor([key]), 9, MIXING_STREAM)[0].tolist()
        if whether >= self.probability:
            return wav
        source = self.noise if kind < self.noise_share else self.speech
        return _add_piece(wav, source.add(wav, draws[:4], path) - wav, draws[4:])


def _add_piece(wav: torch.Tensor, added: torch.Tensor, draws: list[float]) -> torch.Tensor:
    """Add a piece of ``added`` to as much of ``wav``, (N,) each; draws: length and two places."""
    length = int(draws[0] * (len(wav) // 2)) + 1
    start, first = (int(u * (len(wav) - length + 1)) for u in draws[1:])
    mixed = wav.clone()
    mixed[start : start + length] += added[first : first + length]
    return mixed
