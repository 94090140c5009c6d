"""Preparing the user's own speech: a CSV manifest in place of a corpus."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from speechbrain.utils.distributed import run_on_main

from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.preparation.corpus import MAX_BAD_SHARE, Parts, corpus_reader, prepare_corpus
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.errors import UserError


def prepare_own(
    manifest: str | os.PathLike,
    data_folder: str | os.PathLike | None,
    save_folder: str | os.PathLike,
    *,
    columns: Sequence[str] = ("spk_id",),
    check: Callable[[list[Utterance]], object] | None = None,
    workers: int | None = None,
    max_bad_share: float = MAX_BAD_SHARE,
) -> dict[str, Path]:
    """Check what a manifest lists and write `<save_folder>/train.csv` with measured durations.

    Arguments
    ---------
    manifest : str or os.PathLike
        With the columns ID and wav; duration may be absent, since it is measured.
    data_folder : str or os.PathLike or None
        What relative paths start from; None: the root that the summary beside the manifest names.
    save_folder : str or os.PathLike
        Where the manifest goes.
    columns : sequence of str
        More columns that the task needs.
    check : callable, optional
        Given the rows before any audio is read, it raises a UserError if they are of no use.
    workers : int, optional
        Threads that check audio; by default one per core.
    max_bad_share : float
        Share of unusable files up to which they are listed and skipped.

    Returns
    -------
    dict of str to Path
        The part `train`.

    Raises
    ------
    UserError
        If the manifest is missing or wrong, or too many files are unusable.

    Example
    -------
    >>> prepare_own("/nowhere.csv", "/audio", "/tmp/manifests")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: manifest not found: /nowhere.csv. Run the recipe's prepare.py first.
    """
    rows = read_manifest(manifest, data_folder, columns, measured=True)
    if not rows:
        raise UserError(f"{manifest} has no rows. Add some below the header.")
    if check:
        check(rows)
    root = data_folder or Path(manifest).parent
    return prepare_corpus(
        {"train": rows}, root, save_folder, workers=workers, max_bad_share=max_bad_share
    )


def read_added(
    manifest: str | os.PathLike,
    save_folder: str | os.PathLike,
    max_bad_share: float,
    columns: Sequence[str] = ("spk_id",),
) -> list[Utterance]:
    """Rows of a manifest that adds speech to a corpus, checked as the corpus is.

    Arguments
    ---------
    manifest : str or os.PathLike
        Beside the summary that names its root, or with absolute paths.
    save_folder : str or os.PathLike
        Of the run; in its folder ``added`` the checked manifest is kept.
    max_bad_share : float
        Share of unusable files up to which they are listed and skipped.
    columns : sequence of str
        That the task needs.

    Returns
    -------
    list of Utterance
    """
    folder = Path(save_folder) / "added"
    options = {"columns": columns, "max_bad_share": max_bad_share}
    run_on_main(prepare_own, [manifest, None, folder], options)
    return read_manifest(folder / "train.csv", columns=())  # an empty column is not written


@corpus_reader
def prepare_clean_folder(root: Path) -> Parts:
    """A folder of speech: one part.

    Arguments
    ---------
    root : Path
        One folder a speaker, of any depth; a file that lies in none is a speaker by itself.

    Raises
    ------
    UserError
        If there is no audio.
    """
    rows = []
    for path in audio_files(root, "data_folder"):
        name = path.relative_to(root).with_suffix("")
        rows.append(Utterance(name.as_posix(), 0.0, str(path), name.parts[0]))
    return {"all": rows}
