"""Files from which pieces of noise, music and speech are read."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mgf_brain.data.audio import SAMPLE_RATE, AudioCache, probe, read_audio, refuse_short_piece
from mgf_brain.data.audio_files import Segment
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import PatientReader
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.errors import UserError, some

logger = logging.getLogger(__name__)


class Recordings:
    """Files of known length from which pieces are read.

    Arguments
    ---------
    lengths : mapping of str or Segment to int
        Samples at 16 kHz by path; empty files are left out.
    read : callable
        ``read(path, start=, frames=) -> (samples,)``.

    Example
    -------
    >>> reader = lambda path, start, frames: torch.arange(start, min(start + frames, 5))
    >>> recordings = Recordings({"a.wav": 5, "empty.wav": 0}, reader)
    >>> len(recordings), recordings.piece(0, samples=3, place=0.9).tolist()
    (1, [2, 3, 4])
    """

    def __init__(self, lengths: Mapping[Any, int], read: Callable[..., torch.Tensor]) -> None:
        self.lengths = {path: samples for path, samples in lengths.items() if samples}
        self.paths, self.read = list(self.lengths), read
        self.numbers = {path: number for number, path in enumerate(self.paths)}

    @classmethod
    def of_files(cls, paths: Iterable[Path], cache_mb: float) -> Recordings:
        """Audio of any rate, of which the shortest files stay in memory.

        Arguments
        ---------
        paths : iterable of Path
            Two links to one file count once.
        cache_mb : float
            Memory in MB in each process, 2 bytes a sample.

        Raises
        ------
        UserError
            If some of them are no audio.
        """
        lengths, bad = {}, []
        for path in paths:
            try:
                lengths[os.path.realpath(path)] = round(probe(path).duration * SAMPLE_RATE)
            except UserError as error:
                bad.append(str(error))
        if bad:
            raise UserError(f"{len(bad)} recordings: {some(bad)}")
        return cls(lengths, ShortestInMemory(lengths, cache_mb))

    @classmethod
    def of_utterances(
        cls, utterances: Iterable[Utterance], read: Callable[..., torch.Tensor]
    ) -> Recordings:
        """The utterances of a corpus, whose lengths the manifest knows, by the corpus' reader.

        Example
        -------
        >>> Recordings.of_utterances([Utterance("a", 0.5, "a.wav", "s")], read_audio).lengths
        {'a.wav': 8000}
        """
        return cls({u.wav: round(u.duration * SAMPLE_RATE) for u in utterances}, read)

    def __len__(self) -> int:
        """Files that hold something."""
        return len(self.paths)

    def number(self, path: str | os.PathLike) -> int | None:
        """Which of them a path, or the file that it links to, is.

        Example
        -------
        >>> recordings = Recordings({"a.wav": 9, "b.wav": 9}, read_audio)
        >>> recordings.number("b.wav"), recordings.number("c.wav")
        (1, None)
        """
        path = path if isinstance(path, Segment) else str(path)
        return self.numbers.get(path if path in self.numbers else os.path.realpath(path))

    def piece(
        self, number: int, samples: int, place: float, taken: Collection[Any] | None = ()
    ) -> torch.Tensor:
        """A piece of a file, which is repeated if it is too short.

        Arguments
        ---------
        number : int
            Of the file.
        samples : int
            Length of the piece.
        place : float
            Where it begins, from 0 to 1, among all places where it fits.
        taken : collection of int, optional
            Files that must not take this one's place if it can't be read; None: none may.

        Returns
        -------
        torch.Tensor
            (samples,) float32.

        Raises
        ------
        UserError
            If none that may be read can be.

        Example
        -------
        >>> recordings = Recordings({"a.wav": 2}, lambda path, start, frames: torch.tensor([1, 2]))
        >>> recordings.piece(0, samples=5, place=0.0).tolist()
        [1, 2, 1, 2, 1]
        """
        read = partial(self._piece, samples=samples, place=place)
        if taken is None:
            wav = PatientReader(read)(self.paths[number])
        else:
            after = [*range(number + 1, len(self)), *range(number)]
            files = [number, *(i for i in after if i not in taken)]
            wav = first_readable(read, [self.paths[i] for i in files])
        return wav if len(wav) == samples else wav.repeat(-(-samples // len(wav)))[:samples]

    def _piece(self, path: str, samples: int, place: float) -> torch.Tensor:
        """At least a sample."""
        spare = max(0, self.lengths[path] - samples)
        wav = self.read(path, start=int(place * (spare + 1)), frames=samples)
        refuse_short_piece(path, 1, len(wav), slack=0)
        return wav


def first_readable(read: Callable[[Any], torch.Tensor], paths: Sequence[Any]) -> torch.Tensor:
    """What is read of the first file that can be read.

    Arguments
    ---------
    read : callable
        ``read(path)``; it raises a UserError.
    paths : sequence

    Raises
    ------
    UserError
        If none of them can be read.

    Example
    -------
    >>> first_readable(lambda path: torch.ones(2), ["a.wav", "b.wav"])
    tensor([1., 1.])
    """
    for path in paths[:-1]:
        try:
            return read(path)
        except UserError as error:
            if path not in _told:
                _told.add(path)
                logger.warning("%s The next of its kind takes its place.", error)
    return read(paths[-1])


_told: set[Any] = set()  # files that were named as unreadable


class ShortestInMemory:
    """``read_audio`` that decodes the shortest files once and keeps them.

    Which files stay is settled at the start, from their lengths: what a piece sounds like must not
    depend on what was read before. Each data loader's worker has a memory of its own.

    Arguments
    ---------
    lengths : mapping of str to int
        Samples at 16 kHz by path.
    cache_mb : float
        Memory in MB, 2 bytes a sample.

    Example
    -------
    >>> sorted(ShortestInMemory({"a": 100, "b": 900, "c": 300}, cache_mb=0.001).kept)
    ['a', 'c']
    """

    def __init__(self, lengths: Mapping[str, int], cache_mb: float) -> None:
        self.cache, self.kept = AudioCache(), set()
        room = cache_mb * 1e6
        for path in sorted(lengths, key=lengths.__getitem__):
            room -= 2 * lengths[path]
            if room >= 0:
                self.kept.add(path)

    def __call__(self, path: str, start: int = 0, frames: int = -1) -> torch.Tensor:
        """A piece of a file; arguments and result as of ``read_audio``."""
        read = self.cache if path in self.kept else read_audio
        return read(path, start=start, frames=frames)


def noise_files(folder: str | os.PathLike) -> dict[str, list[Path]]:
    """Files of a noise folder by kind; MUSAN's kinds are the folders of its first level.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "music").mkdir()
    >>> (folder / "music" / "waltz.wav").touch()
    >>> (folder / "tap.wav").touch()
    >>> {kind: [path.name for path in files] for kind, files in noise_files(folder).items()}
    {'noise': ['tap.wav'], 'music': ['waltz.wav'], 'speech': []}
    """
    kinds: dict[str, list[Path]] = {"noise": [], "music": [], "speech": []}
    for path in audio_files(folder, "noise_folder"):
        first = path.relative_to(folder).parts[0]
        kinds[first if first in kinds else "noise"].append(path)
    return kinds


def room_files(folder: str | os.PathLike) -> dict[str, list[Path]]:
    """Impulse responses of a folder by kind: RIRS_NOISES' (Ko et al. 2017) simulated rooms, others.

    Of RIRS_NOISES its large rooms are left out, as in Cho et al. 2022, and so is every file with
    "noise" in its name: it holds point-source and isotropic noises beside its responses.

    Raises
    ------
    UserError
        If nothing is left.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("smallroom", "largeroom", "church"):
    ...     (folder / name).mkdir()
    ...     (folder / name / "rir.wav").touch()
    >>> {k: [str(p.relative_to(folder)) for p in files] for k, files in room_files(folder).items()}
    {'smallroom': ['smallroom/rir.wav'], 'mediumroom': [], 'other': ['church/rir.wav']}
    """
    kinds: dict[str, list[Path]] = {"smallroom": [], "mediumroom": [], "other": []}
    for path in audio_files(folder, "reverb_folder"):
        parts = path.relative_to(folder).parts
        if "largeroom" not in parts and "noise" not in path.name:
            kinds[next((kind for kind in kinds if kind in parts), "other")].append(path)
    if not any(kinds.values()):
        raise UserError(
            f"reverb_folder: {folder} has no small, medium or real room. Check the path."
        )
    return kinds
