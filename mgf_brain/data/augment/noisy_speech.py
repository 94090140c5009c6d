"""Noisy speech with its clean version: recorded together, or mixed on the fly."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from mgf_brain.data.audio import SAMPLE_RATE, AudioCache, read_audio, refuse_short_piece
from mgf_brain.data.audio_files import Segment
from mgf_brain.data.augment.noise import NOISE_STREAM, Noise
from mgf_brain.data.batches.crops import SeparateCrops
from mgf_brain.data.batches.sampler import BatchLoader, DurationBatchSampler
from mgf_brain.data.batches.spares import WithSpares
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import PatientReader, read_patiently
from mgf_brain.data.preparation.corpus import MAX_BAD_SHARE
from mgf_brain.errors import UserError
from mgf_brain.keyed_random import make_key, uniform

TOLERANCE = 0.1  # seconds by which lossy encoders may lengthen one of a pair

Waves = tuple[torch.Tensor, torch.Tensor]  # noisy and clean, (samples,) each
Reader = Callable[..., torch.Tensor]  # (path, start=, frames=) -> (samples,)


@dataclass(frozen=True)
class Mixed:
    """Clean utterances to which noise is added.

    Arguments
    ---------
    noise : Noise

    Example
    -------
    >>> from mgf_brain.data.augment.recordings import Recordings
    >>> read = lambda path, start, frames: torch.ones(frames)
    >>> pair = Mixed(Noise(Recordings({"hum.wav": 9}, read), snr=(20.0, 20.0)))
    >>> pair(Utterance("a", 1.0, "a.wav", "s"), key=5, start=0, frames=2, read=read)
    (tensor([1.1000, 1.1000]), tensor([1., 1.]))
    """

    noise: Noise

    def __call__(
        self,
        utterance: Utterance,
        key: int,
        start: int = 0,
        frames: int = -1,
        read: Reader = read_audio,
        exact: bool = False,
    ) -> Waves:
        """A piece of an utterance, noisy and clean.

        Arguments
        ---------
        utterance : Utterance
        key : int
            Which noise, where in it and how loud are drawn from it.
        start, frames : int
            The piece, in samples; -1 reads to the end.
        read : callable
        exact : bool
            No other noise may take the place of one that can't be read.

        Returns
        -------
        tuple of two torch.Tensor
            (samples,) each.
        """
        clean = read(utterance.wav, start=start, frames=frames)
        draws = uniform(torch.tensor([key]), 4, NOISE_STREAM)[0].tolist()
        return self.noise.add(clean, draws, None, exact), clean


@dataclass(frozen=True)
class Recorded:
    """Noisy utterances whose clean versions are files too; the key draws nothing.

    Arguments
    ---------
    clean : mapping of str to str or Segment
        Path of the clean version by the utterance's id.

    Example
    -------
    >>> read = lambda path, start, frames: torch.full((frames,), float(path == "noisy.wav"))
    >>> pair = Recorded({"a": "clean.wav"})
    >>> pair(Utterance("a", 1.0, "noisy.wav", "s"), key=5, start=0, frames=2, read=read)
    (tensor([1., 1.]), tensor([0., 0.]))
    """

    clean: Mapping[str, str | Segment]

    def __call__(
        self,
        utterance: Utterance,
        key: int,
        start: int = 0,
        frames: int = -1,
        read: Reader = read_audio,
        exact: bool = False,
    ) -> Waves:
        """A piece of an utterance, noisy and clean; arguments as of ``Mixed``."""
        paths = utterance.wav, self.clean[utterance.id]
        noisy, clean = (read(path, start=start, frames=frames) for path in paths)
        length = min(len(noisy), len(clean))  # encoders may add a few samples
        return noisy[:length], clean[:length]


class Mixtures(NamedTuple):
    """Utterances, and where their noisy and clean waveforms come from."""

    utterances: Sequence[Utterance]
    pair: Mixed | Recorded

    def fixed(self, utterance: Utterance) -> Waves:
        """A whole utterance, with the same noise in every run: what is scored."""
        key = make_key("scored", utterance.id)
        return self.pair(utterance, key, read=read_patiently, exact=True)


@dataclass
class MixtureBatch:
    """Crops of several utterances, noisy and clean, padded at the end.

    Arguments
    ---------
    ids : list of str
        (B,).
    noisy, clean : torch.Tensor
        (B, N) float32, 0 at padding.
    lengths : torch.Tensor
        (B,) int64, in samples.

    Example
    -------
    >>> batch = make_mixture_batch([("a", torch.ones(3), torch.zeros(3)), ("b", *torch.ones(2, 2))])
    >>> batch.noisy.shape, batch.lengths.tolist(), batch.clean[1].tolist()
    (torch.Size([2, 3]), [3, 2], [1.0, 1.0, 0.0])
    """

    ids: list[str]
    noisy: torch.Tensor
    clean: torch.Tensor
    lengths: torch.Tensor

    @property
    def seconds(self) -> float:
        """Unpadded audio at 16 kHz, in seconds."""
        return self.lengths.sum().item() / SAMPLE_RATE

    def to(self, device: torch.device | str) -> MixtureBatch:
        """The batch on another device."""
        tensors = {name: getattr(self, name).to(device) for name in ("noisy", "clean", "lengths")}
        return replace(self, **tensors)


def make_mixture_batch(items: Sequence[tuple[str, torch.Tensor, torch.Tensor]]) -> MixtureBatch:
    """Pad (id, noisy, clean) of several utterances; waveforms are (samples,)."""
    ids, noisy, clean = zip(*items, strict=True)
    lengths = torch.tensor([len(wav) for wav in noisy])
    noisy, clean = (pad_sequence(list(wavs), batch_first=True) for wavs in (noisy, clean))
    return MixtureBatch(list(ids), noisy, clean, lengths)


class MixtureDataset(Dataset):
    """A crop of each utterance, noisy and clean; indexed by ``(epoch, index)``.

    Crop and noise are drawn from (seed, epoch, utterance): another epoch has others.

    Arguments
    ---------
    mixtures : Mixtures
    seed : int
    plan : SeparateCrops
        Of one crop.
    read : callable

    Example
    -------
    >>> reader = lambda path, start, frames: torch.ones(frames)
    >>> mixtures = Mixtures([Utterance("a", 9.0, "a.wav", "s")], Recorded({"a": "clean.wav"}))
    >>> id, noisy, clean = MixtureDataset(mixtures, 0, SeparateCrops(1, 4.0, 1.0), reader)[1, 0]
    >>> id, noisy.shape, clean.shape
    ('a', torch.Size([64000]), torch.Size([64000]))
    """

    def __init__(
        self, mixtures: Mixtures, seed: int, plan: SeparateCrops, read: Reader = read_audio
    ) -> None:
        self.mixtures, self.seed, self.plan, self.read = mixtures, seed, plan, read

    def __len__(self) -> int:
        """Utterances."""
        return len(self.mixtures.utterances)

    def __getitem__(self, place: tuple[int, int]) -> tuple[str, torch.Tensor, torch.Tensor]:
        """Id, noisy and clean waveform of utterance ``index`` in ``epoch``."""
        epoch, index = place
        utterance = self.mixtures.utterances[index]
        key = make_key(self.seed, epoch, utterance.id)
        [(start, frames)], _ = self.plan.places(key, round(utterance.duration * SAMPLE_RATE))
        noisy, clean = self.mixtures.pair(utterance, key, start, frames, self.read)
        refuse_short_piece(utterance.wav, frames, len(noisy), slack=round(TOLERANCE * SAMPLE_RATE))
        return utterance.id, noisy, clean


def make_mixture_loader(mixtures: Mixtures, settings: Mapping[str, Any], seed: int) -> BatchLoader:
    """Crops of mixtures in batches by duration.

    Arguments
    ---------
    mixtures : Mixtures
    settings : mapping
        ``crop_plan``, ``batch_seconds`` (padded), and ``audio_cache_hours``: utterances up to this
        long together are kept in memory. Mixing is too little work for processes of its own.
        ``max_bad_share`` is optional.
    seed : int

    Returns
    -------
    BatchLoader
        Of MixtureBatch.

    Example
    -------
    >>> rows = [Utterance(id, 2.0, f"{id}.wav", "s") for id in "abc"]
    >>> settings = {"batch_seconds": 4.0, "audio_cache_hours": 1.0}
    >>> settings["crop_plan"] = SeparateCrops(1, longest=2.0, shortest=1.0)
    >>> len(make_mixture_loader(Mixtures(rows, Recorded({})), settings, seed=0))
    2
    """
    plan, durations = settings["crop_plan"], [u.duration for u in mixtures.utterances]
    cached = sum(durations) <= 3600 * settings["audio_cache_hours"]
    read = PatientReader(AudioCache() if cached else read_audio)
    data = MixtureDataset(mixtures, seed, plan, read)
    seconds = [plan.seconds(duration) for duration in durations]
    return BatchLoader(
        WithSpares(data, mixtures.utterances, settings.get("max_bad_share", MAX_BAD_SHARE)),
        batch_sampler=DurationBatchSampler(seconds, settings["batch_seconds"], seed),
        collate_fn=make_mixture_batch,
        generator=torch.Generator().manual_seed(seed),  # as in mgf_brain.data.batches.loader
    )


def split_files(paths: Sequence[Path], share: float, seed: int) -> tuple[list[Path], list[Path]]:
    """Hold out files of noise.

    Arguments
    ---------
    paths : sequence of Path
        In a fixed order.
    share : float
        Share of the files to hold out; at least one is.
    seed : int
        Of the draw.

    Returns
    -------
    tuple of two lists of Path
        Those that stay and those held out.

    Raises
    ------
    UserError
        If there are fewer than two.

    Example
    -------
    >>> stay, held_out = split_files([Path(f"{i}.wav") for i in range(10)], 0.2, seed=0)
    >>> len(stay), len(held_out), set(stay) & set(held_out)
    (8, 2, set())
    """
    if len(paths) < 2:
        raise UserError("noise_folder: no noise is left to hold out. Add files, two at least.")
    count = min(max(1, round(share * len(paths))), len(paths) - 1)
    held_out = set(random.Random(seed).sample(list(paths), count))
    return [p for p in paths if p not in held_out], [p for p in paths if p in held_out]
