"""Preparing the user's own speech: a CSV manifest in place of a corpus."""

from __future__ import annotations

import os
from pathlib import Path

from mgf_brain.data.manifest import read_manifest
from mgf_brain.data.preparation import prepare_corpus


def prepare_own(
    manifest: str | os.PathLike,
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    workers: int | None = None,
    max_bad_share: float = 0.01,
) -> dict[str, Path]:
    """Check what a manifest lists and write `<save_folder>/train.csv` with measured durations.

    Arguments
    ---------
    manifest : str or os.PathLike
        With the columns ID, duration, wav and spk_id.
    data_folder : str or os.PathLike
        What relative paths start from.
    save_folder : str or os.PathLike
        Where the manifest goes.
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
    rows = read_manifest(manifest, data_folder)
    return prepare_corpus(
        {"train": rows}, data_folder, save_folder, workers=workers, max_bad_share=max_bad_share
    )
