"""Making the tracks of a run before its training, or going on with those that it has."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from mgf_brain.data.labels.track_files import load_track, track_facts
from mgf_brain.data.labels.tracks import Track
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import remove_temporaries
from mgf_brain.locks import locked

logger = get_logger(__name__)

FORMAT = 3  # of what ``track_fingerprint`` hashes
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)  # what says that a folder can't be written
Files = Mapping[str, int]  # ``files`` of ``track_facts``


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
    trained_on: Mapping[str, Files] | None = None,
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
    trained_on : mapping, optional
        Of a run that has a checkpoint, ``files`` of each track's facts. It goes on with the tracks
        that it has, whatever would be made now: new labels might be numbered otherwise.

    Returns
    -------
    dict of Path to dict
        By each track's folder what is known of it, for ``open_tracks``.

    Raises
    ------
    UserError
        If a run has a checkpoint, and the tracks that it was trained on are neither there nor come
        out again.
    """
    made = {}
    for name, maker in makers.items():
        files = None if trained_on is None else trained_on.get(name, {})
        run_on_main(_make, [maker, train, valid, folder / name, device, files])
        made[folder / name] = _facts_of(folder / name)
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
    trained_on: Files | None,
) -> None:
    """Make a track if it is missing, and tell what is known of it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, wait=True))
            remove_temporaries(folder)
        except OSError as error:
            if error.errno not in READ_ONLY or load_track(folder, verify=True) is None:
                raise  # else it is only read
        if trained_on is None or not _goes_on(folder, {u.id for u in (*train, *valid)}, trained_on):
            maker.make(train, valid, folder, device)
            _refuse_other(folder, trained_on)
    facts = _facts_of(folder)
    figures = "".join(f", {name} {value:.1f}" for name, value in facts["figures"].items())
    logger.info("track %s: made in %.1f s%s", folder.name, facts["seconds"], figures)


def _goes_on(folder: Path, ids: set[str], trained_on: Files) -> bool:
    """Whether the folder has the track that a run was trained on."""
    facts = track_facts(folder)
    if facts is None or load_track(folder, verify=True) is None:
        return False
    if trained_on:
        return facts["files"] == trained_on
    if not ids <= facts["counts"].keys():
        return False
    logger.warning("%s: taken as it is; this run's older checkpoint does not say which.", folder)
    return True


def _refuse_other(folder: Path, trained_on: Files | None) -> None:
    if trained_on and _facts_of(folder)["files"] != trained_on:
        raise UserError(
            f"{folder}: the run was trained on other labels until its checkpoint, and what is made "
            "now differs. Restore that folder, or pass another --output_folder."
        )


def _facts_of(folder: Path) -> dict[str, Any]:
    facts = track_facts(folder)
    if facts is None:
        raise UserError(f"{folder}: the track is not there. All processes need one file system.")
    return facts


def track_fingerprint(
    settings: object,
    train: Sequence[Utterance],
    valid: Sequence[Utterance],
    content: Callable[[Iterable[str | os.PathLike]], Sequence[str]],
) -> str:
    """Hash of all that decides about a track.

    Arguments
    ---------
    settings : object
        Of its maker; its ``repr`` counts.
    train, valid : sequence of Utterance
        Their audio counts by its content: a corpus that was copied is the same.
    content : callable
        Hashes of the content of files, see ``of_all`` of ``mgf_brain.features.cache.FileHashes``.

    Returns
    -------
    str

    Example
    -------
    >>> rows = [Utterance("a", 1.0, "a.wav", "s")]
    >>> moved = [Utterance("a", 1.0, "/new/a.wav", "s")]
    >>> same = lambda paths: ["1f" for _ in paths]
    >>> track_fingerprint(5, rows, [], same) == track_fingerprint(5, moved, [], same)
    True
    """
    audio = [
        list(zip((u.id for u in part), content(u.wav for u in part), strict=True))
        for part in (train, valid)
    ]
    facts = repr((FORMAT, settings, audio))
    return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()


def track_makers(hparams: Mapping[str, Any]) -> dict[str, TrackMaker]:
    """By the track's name, without those that an ablation has set to null."""
    return {name: maker for name, maker in hparams.get("tracks", {}).items() if maker}
