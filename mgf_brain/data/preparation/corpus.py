"""What the preparation of every corpus shares: check, drop, summarise, write, skip if unchanged."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mgf_brain.data.audio_files import bounds
from mgf_brain.data.manifest import SUMMARY_FILE, Utterance, relocatable, write_manifest
from mgf_brain.data.preparation.checks import AudioCheck, check_files, find_duplicates
from mgf_brain.data.preparation.summary import format_summary, read_summary, summarise
from mgf_brain.data.splits import assert_disjoint_speakers
from mgf_brain.errors import UserError, some
from mgf_brain.files import open_atomic

logger = logging.getLogger(__name__)

Parts = Mapping[str, Sequence[Utterance]]  # the rows of each

MAX_BAD_SHARE = 0.01  # of the audio files, where nothing else is said
FORMAT = 2  # raise it when manifests change, so that older ones are written again


class Prepare(Protocol):
    """What ``corpus_reader`` makes of a reader."""

    def __call__(
        self,
        data_folder: str | os.PathLike,
        save_folder: str | os.PathLike,
        *,
        workers: int | None = None,
        max_bad_share: float = MAX_BAD_SHARE,
        **options: Any,
    ) -> dict[str, Path]:
        """Check a corpus and write a manifest a part.

        Arguments
        ---------
        data_folder : str or os.PathLike
            The corpus in its published layout; audio may be re-encoded.
        save_folder, workers, max_bad_share
            As of ``prepare_corpus``.
        **options
            The reader's own.

        Returns
        -------
        dict of str to Path
            The manifests by part.

        Raises
        ------
        UserError
            If the folder is missing or another corpus, or as ``prepare_corpus``.
        """
        ...


def corpus_reader(read: Callable[..., Parts]) -> Prepare:
    """A corpus' whole preparation, of a function that lists the rows of its parts.

    Arguments
    ---------
    read : callable
        ``read(root, **options) -> {part: rows}``; ``root`` is an absolute path that exists.

    Returns
    -------
    Prepare

    Example
    -------
    >>> prepare = corpus_reader(lambda root: {"all": []})
    >>> prepare("/nowhere", "/tmp/manifests")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /nowhere. Pass --data_folder <folder>.
    """

    @functools.wraps(read)
    def prepare(
        data_folder: str | os.PathLike,
        save_folder: str | os.PathLike,
        *,
        workers: int | None = None,
        max_bad_share: float = MAX_BAD_SHARE,
        **options: Any,
    ) -> dict[str, Path]:
        root = Path(os.path.abspath(data_folder))
        if not root.is_dir():
            raise UserError(f"data_folder does not exist: {root}. Pass --data_folder <folder>.")
        parts = read(root, **options)
        return prepare_corpus(
            parts, root, save_folder, workers=workers, max_bad_share=max_bad_share
        )

    del prepare.__wrapped__  # whose signature is the reader's
    return prepare


def prepare_corpus(
    parts: Parts,
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    workers: int | None = None,
    max_bad_share: float = MAX_BAD_SHARE,
) -> dict[str, Path]:
    """Check a corpus and write one manifest per part, and one summary of all.

    Nothing is done if options, rows, and sizes and times of the files are those of the last
    preparation. Repeated IDs within a part are dropped, except the first.

    Arguments
    ---------
    parts : mapping of str to sequence of Utterance
        The rows by part; durations are filled in here. Parts named train*, dev* and test*
        must not share speakers.
    data_folder : str or os.PathLike
        Root of the corpus.
    save_folder : str or os.PathLike
        Where `<part>.csv` and `prepare_summary.json` go.
    workers : int, optional
        Threads that check audio; by default one per core.
    max_bad_share : float
        Share of unusable files up to which they are listed and skipped.

    Returns
    -------
    dict of str to Path
        The manifests by part.

    Raises
    ------
    UserError
        If there are no files, too many are unusable, or two splits share speakers.

    Example
    -------
    >>> import numpy as np
    >>> import soundfile
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "a.wav", np.sin(np.arange(8000)), 16000)
    >>> rows = {"train": [Utterance("a", 0.0, str(folder / "a.wav"), "s")]}
    >>> print(prepare_corpus(rows, folder, folder / "save")["train"].read_text(), end="")
    ID,duration,wav,spk_id,wrd
    a,0.5,$data_root/a.wav,s,
    """
    parts = {part: rows for part, rows in parts.items() if rows}
    if not parts:
        raise UserError(f"no audio found in {data_folder}. Check data_folder.")
    check_splits(parts)
    manifests = {part: Path(save_folder) / f"{part}.csv" for part in parts}
    summary_path = Path(save_folder) / SUMMARY_FILE
    fingerprint = _fingerprint(parts, data_folder, max_bad_share)
    summary = _unchanged(save_folder, fingerprint, manifests.values())
    if summary is not None:
        logger.info("%s is up to date.", save_folder)
    else:
        kept, summary = _check(parts, data_folder, workers, max_bad_share)
        # Without its summary, a preparation that is interrupted from here on counts as not done.
        summary_path.unlink(missing_ok=True)
        for part, rows in kept.items():
            write_manifest(manifests[part], rows, data_folder)
    # The root is noted even where nothing else changed: the corpus may have moved.
    summary |= {"fingerprint": fingerprint, "data_root": os.path.abspath(data_folder)}
    with open_atomic(summary_path) as file:
        json.dump(summary, file, indent=1)
    logger.info("%s", format_summary(summary))
    return manifests


def _check(
    parts: Mapping[str, Sequence[Utterance]],
    root: str | os.PathLike,
    workers: int | None,
    max_bad_share: float,
) -> tuple[dict[str, list[Utterance]], dict]:
    kept, repeated = _drop_repeated(parts)
    checks = check_files([u.wav for rows in kept.values() for u in rows], workers)
    _limit_bad(checks, max_bad_share)
    kept = _fill_durations(kept, checks)
    _refuse_shared_audio(kept, find_duplicates(checks))
    content = {"content": _content(kept, checks)}
    return kept, summarise(kept, checks, repeated, root) | content


def _content(parts: Parts, checks: Sequence[AudioCheck]) -> str:
    """A hash of the decoded audio of all rows: that of a copied corpus is the same."""
    digests = {check.path: check.digest for check in checks}
    rows = [(part, u.id, digests[str(u.wav)]) for part, rows in parts.items() for u in rows]
    return hashlib.blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def _refuse_shared_audio(
    parts: Mapping[str, Sequence[Utterance]], duplicates: Iterable[Sequence[str]]
) -> None:
    """Raise a UserError if two folds have the same audio; warn of it in two parts of a corpus."""
    places: dict[str, set[tuple[str, str | None]]] = {}
    for part, rows in parts.items():
        for u in rows:
            places.setdefault(str(u.wav), set()).add((part.split("-")[0], u.fold))
    for paths in duplicates:
        held = set().union(*(places.get(path, set()) for path in paths))
        if len({fold for _, fold in held}) > 1:
            raise UserError(
                f"{some(sorted(paths))}: the same audio is in several folds, would train and "
                "be scored. Keep it in one."
            )
        if len({part for part, _ in held}) > 1:
            logger.warning("%s: the same audio is in several parts.", some(sorted(paths)))


def check_splits(parts: Mapping[str, Iterable[Utterance]]) -> None:
    """Raise a UserError if parts named train*, dev* and test* share speakers.

    Example
    -------
    >>> train, test = ([Utterance(id, 1.0, "/a.wav", "anna")] for id in "ab")
    >>> check_splits({"train-clean-100": train, "train-other-500": test})
    >>> check_splits({"train-clean-100": train, "test-clean": test})
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: train and test share 1 speaker: anna. Remove them from one.
    """
    splits: dict[str, list[Utterance]] = {}
    for part, rows in parts.items():
        if (split := part.split("-")[0]) in ("train", "dev", "test"):
            splits.setdefault(split, []).extend(rows)
    assert_disjoint_speakers(**splits)


def _fingerprint(
    parts: Mapping[str, Sequence[Utterance]], root: str | os.PathLike, max_bad_share: float
) -> str:
    """Hash of options, rows (paths relative to the root), file sizes and times."""
    digest = hashlib.blake2b(json.dumps([FORMAT, max_bad_share]).encode(), digest_size=16)
    for part, rows in parts.items():
        for u in rows:
            fields = dataclasses.astuple(dataclasses.replace(u, wav=relocatable(u.wav, root)))
            samples = [bounds(u.wav)] if bounds(u.wav) != (0, None) else []
            digest.update(json.dumps([part, fields, _size_and_time(u.wav), *samples]).encode())
    return digest.hexdigest()


def _size_and_time(path: str | os.PathLike) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # a name too long, a NUL in it: the check finds no file either
        return None
    return status.st_size, status.st_mtime_ns


def _unchanged(
    save_folder: str | os.PathLike, fingerprint: str, manifests: Iterable[Path]
) -> dict | None:
    """The summary, if it is there and all is as it says; a damaged one says nothing."""
    if not all(manifest.is_file() for manifest in manifests):
        return None
    with contextlib.suppress(UserError):
        summary = read_summary(save_folder)
        return summary if summary.get("fingerprint") == fingerprint else None
    return None


def _drop_repeated(
    parts: Mapping[str, Sequence[Utterance]],
) -> tuple[dict[str, list[Utterance]], list[str]]:
    kept, repeated = {}, []
    for part, rows in parts.items():
        first = {u.id: u for u in reversed(rows)}
        kept[part] = [u for u in rows if first[u.id] is u]
        repeated += [str(u.wav) for u in rows if first[u.id] is not u]
    return kept, repeated


def _limit_bad(checks: Sequence[AudioCheck], max_share: float) -> None:
    bad = [check for check in checks if check.error]
    if len(bad) > max_share * len(checks):
        named = some([f"{check.path} ({check.error})" for check in bad])
        raise UserError(
            f"{len(bad)} of {len(checks)} audio files cannot be used, more than "
            f"max_bad_share={max_share:g}: {named}. Restore them or pass a higher --max_bad_share."
        )


def _fill_durations(
    parts: Mapping[str, Sequence[Utterance]], checks: Sequence[AudioCheck]
) -> dict[str, list[Utterance]]:
    usable = {check.path: check.duration for check in checks if check.error is None}
    return {
        part: [
            dataclasses.replace(u, duration=usable[str(u.wav)])
            for u in rows
            if str(u.wav) in usable
        ]
        for part, rows in parts.items()
    }
