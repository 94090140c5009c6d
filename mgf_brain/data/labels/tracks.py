"""Tracks: what is known of an utterance beside its samples, frame by frame or as a whole.

A track is any object with ``grid`` (samples: a crop that begins at a multiple of it begins with a
frame), ``padding`` (what stands where an utterance is over) and ``crop(id, start, samples)``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from mgf_brain.data.audio import Segment, bounds
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic
from mgf_brain.spectrum import frame_count

logger = get_logger(__name__)

FORMAT = 2  # of track.json; raise it when older ones can't be read
IGNORE = -100  # what a track of labels holds at padding: PyTorch's cross-entropy leaves it out


class FrameTrack:
    """A number a frame of each utterance, one after the other in one memory-mapped array.

    Arguments
    ---------
    values : numpy.ndarray
        (frames of all utterances,), in the order of ``counts``.
    counts : mapping of str to int
        Frames by utterance.
    hop, window : int
        Of the frames, in samples: frame t stands for ``[t * hop, t * hop + window)``.
    padding : float
        What a batch holds where an utterance is over.
    figures : mapping, optional
        To be reported, such as how pure labels are.

    Example
    -------
    >>> track = FrameTrack(np.arange(5), {"a": 2, "b": 3}, hop=640, window=880, padding=IGNORE)
    >>> track.crop("b", start=640, samples=880 + 640).tolist()
    [3, 4]
    """

    def __init__(
        self,
        values: np.ndarray,
        counts: Mapping[str, int],
        hop: int,
        window: int,
        padding: float = IGNORE,
        figures: Mapping[str, float] | None = None,
    ) -> None:
        self.values, self.counts, self.padding = values, dict(counts), padding
        self.figures = dict(figures or {})
        self.grid = self.hop = hop
        self.window = window
        ends = np.cumsum([0, *self.counts.values()])
        self.starts = dict(zip(self.counts, ends[:-1].tolist(), strict=True))

    def whole(self, id: str) -> np.ndarray:
        """All frames of an utterance, (frames,)."""
        return self.values[self.starts[id] : self.starts[id] + self.counts[id]]

    def crop(self, id: str, start: int, samples: int) -> torch.Tensor:
        """The frames of a crop.

        Arguments
        ---------
        id : str
            Of the utterance.
        start, samples : int
            Where the crop begins, a multiple of the hop, and its length.

        Returns
        -------
        torch.Tensor
            (frames,), int64 or float32.
        """
        first, frames = start // self.hop, frame_count(samples, self.window, self.hop)
        return _as_tensor(self.whole(id)[first : first + frames])


class UtteranceTrack:
    """A number or a vector an utterance, such as a pseudo-speaker; the same for all of its crops.

    Arguments
    ---------
    values : numpy.ndarray
        (utterances,) or (utterances, E), in the order of ``ids``.
    ids : iterable of str
    figures : mapping, optional
        To be reported.

    Example
    -------
    >>> UtteranceTrack(np.array([7, 8]), ["a", "b"]).crop("b", start=0, samples=16000).tolist()
    [8]
    """

    grid, padding = 1, IGNORE

    def __init__(
        self, values: np.ndarray, ids: Iterable[str], figures: Mapping[str, float] | None = None
    ) -> None:
        self.values, self.figures = values, dict(figures or {})
        self.rows = {id: row for row, id in enumerate(ids)}

    def crop(self, id: str, start: int, samples: int) -> torch.Tensor:
        """The utterance's value, (1,) or (E,)."""
        return _as_tensor(np.atleast_1d(self.values[self.rows[id]]))


def _as_tensor(values: np.ndarray) -> torch.Tensor:
    """As float32 or int64, whatever they are stored as."""
    return torch.from_numpy(values.astype(np.float32 if values.dtype.kind == "f" else np.int64))


Track = FrameTrack | UtteranceTrack


class TrackMaker(Protocol):
    """Makes a track of a corpus as a step before the training."""

    def make(
        self,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        folder: Path,
        device: str = "cpu",
    ) -> None:
        """Write the track of all utterances, unless the folder has it; networks run on a device."""


def make_tracks(
    makers: Mapping[str, TrackMaker],
    train: Sequence[Utterance],
    valid: Sequence[Utterance],
    folder: Path,
    device: str = "cpu",
) -> dict[Path, dict[str, Any]]:
    """Make what is missing, in the main process.

    Arguments
    ---------
    makers : mapping
        By the name of the track.
    train, valid : sequence of Utterance
    folder : Path
        Gets a folder a track.
    device : str
        Where networks run that they need.

    Returns
    -------
    dict of Path to dict
        By each track's folder what is known of it, for ``open_tracks``.
    """
    made = {}
    for name, maker in makers.items():
        run_on_main(_make, [maker, train, valid, folder / name, device])
        made[folder / name] = _read_facts(folder / name)
    return made


def open_tracks(made: Mapping[Path, Mapping[str, Any]]) -> dict[str, Track]:
    """The tracks that ``make_tracks`` made, by name.

    Raises
    ------
    UserError
        If another run has replaced one since.
    """
    tracks = {}
    for folder, facts in made.items():
        track = load_track(folder, facts["fingerprint"])
        if track is None:
            raise UserError(
                f"tracks_folder: another run has replaced {folder}. Start this one again when that "
                "one is over; it goes on from its last checkpoint."
            )
        tracks[folder.name] = track
    return tracks


def _make(
    maker: TrackMaker,
    train: Sequence[Utterance],
    valid: Sequence[Utterance],
    folder: Path,
    device: str,
) -> None:
    """Make a track if it is missing, and tell what is known of it."""
    maker.make(train, valid, folder, device)
    facts = _read_facts(folder)
    figures = "".join(f", {name} {value:.1f}" for name, value in facts["figures"].items())
    logger.info("track %s: made in %.1f s%s", folder.name, facts["seconds"], figures)


def track_fingerprint(
    settings: object, train: Sequence[Utterance], valid: Sequence[Utterance]
) -> str:
    """Hash of all that decides about a track.

    Arguments
    ---------
    settings : object
        Of its maker; its ``repr`` counts.
    train, valid : sequence of Utterance
        Their audio counts by size and time of change.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If a file is missing.
    """
    audio = [[(u.id, *file_state(u.wav)) for u in part] for part in (train, valid)]
    facts = repr((FORMAT, settings, audio))
    return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()


def file_state(path: str | os.PathLike) -> tuple[int | None, ...]:
    """Size in bytes, time of change in ns, a segment's samples; a UserError if there is no file."""
    if not os.path.isfile(path):
        raise UserError(f"{path}: there is no such file. Check the path.")
    status = os.stat(path)
    samples = bounds(path) if isinstance(path, Segment) else ()
    return status.st_size, status.st_mtime_ns, *samples


def common_grid(tracks: Iterable[Track]) -> int:
    """Samples of which a crop's start must be a multiple; 1 without tracks.

    Example
    -------
    >>> common_grid([FrameTrack(np.arange(2), {"a": 2}, hop, window=880) for hop in (640, 160)])
    640
    """
    return math.lcm(*(track.grid for track in tracks))


def save_track(
    folder: Path,
    pieces: Iterable[tuple[str, np.ndarray]],
    facts: Mapping[str, object],
    figures: Mapping[str, float] | None = None,
    started: float | None = None,
) -> None:
    """Write a track piece by piece; it is there when ``track.json`` is.

    Arguments
    ---------
    folder : Path
        Gets ``track.npy`` and ``track.json``.
    pieces : iterable of (id, values)
        Of each utterance, (frames,) in the type that is to be stored; of a track without frames
        one row.
    facts : mapping
        ``fingerprint``, and ``hop``, ``window`` and ``padding`` of frames.
    figures : mapping, optional
        To be reported.
    started : float, optional
        When its making began, in seconds of ``time.time``; now, if not given.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> facts = {"hop": 160, "window": 400, "padding": 0, "fingerprint": "x"}
    >>> save_track(folder, [("a", np.array([1, 2], np.uint8))], facts)
    >>> load_track(folder, "x").whole("a").tolist(), load_track(folder, "y")
    ([1, 2], None)
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "track.json").unlink(missing_ok=True)
    counts, parts = {}, []
    for id, values in pieces:
        counts[id] = len(values)
        parts.append(values)
    temporary = folder / f".track.{os.getpid()}.npy"
    np.save(temporary, np.concatenate(parts))
    os.replace(temporary, folder / "track.npy")
    seconds = time.time() - started if started else 0.0
    noted = {"figures": dict(figures or {}), "counts": counts, "seconds": seconds}
    _write_facts(folder, {**facts, **noted})


def _write_facts(folder: Path, facts: Mapping[str, object]) -> None:
    with open_atomic(folder / "track.json") as file:
        json.dump(facts, file)


def note_facts(folder: Path, **facts: object) -> None:
    """Add to what ``track.json`` says, or change it."""
    _write_facts(folder, {**_read_facts(folder), **facts})


def track_facts(folder: Path) -> dict[str, Any] | None:
    """What ``track.json`` says; None if there is no track.

    ``save_track``'s facts, ``figures`` and ``counts``, and ``seconds``: how long it took to make
    it, in whichever run that was.
    """
    return _read_facts(folder) if (folder / "track.json").is_file() else None


def _read_facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "track.json").read_text(encoding="utf-8"))


def load_track(folder: Path, fingerprint: str | None = None) -> Track | None:
    """A saved track, memory-mapped; None if there is none, or it was made from other inputs."""
    facts = track_facts(folder)
    if facts is None or fingerprint not in (None, facts["fingerprint"]):
        return None
    values = np.load(folder / "track.npy", mmap_mode="r")
    if "hop" not in facts:
        return UtteranceTrack(values, facts["counts"], facts["figures"])
    names = ("counts", "hop", "window", "padding", "figures")
    return FrameTrack(values, *(facts[name] for name in names))


def track_makers(hparams: Mapping[str, Any]) -> dict[str, TrackMaker]:
    """By the track's name, without those that an ablation has set to null."""
    return {name: maker for name, maker in hparams.get("tracks", {}).items() if maker}
