"""Where a run finds the repository's files, from whichever folder it is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path


def found_file(name: str) -> str:
    """The main yaml file: where it is named, or else in the repository of the script.

    Arguments
    ---------
    name : str
        As on the command line: ``hparams/mgf.yaml``.

    Returns
    -------
    str
        The name itself, unless only a folder above the script's has such a file.

    Example
    -------
    >>> found_file("hparams/mgf.yaml")
    'hparams/mgf.yaml'
    """
    script = getattr(sys.modules["__main__"], "__file__", None)
    return repository_file(name, [Path(script)] if script else [])


def repository_file(name: str, beside: Iterable[Path]) -> str:
    """A file where it is named, or else below a folder in which another file is.

    Arguments
    ---------
    name : str
        Relative to the working folder, or to the root of a repository.
    beside : iterable of Path
        Files of that repository.

    Returns
    -------
    str
        The name itself, unless only a folder above one of these files has such a file.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "hparams").mkdir()
    >>> main = folder / "hparams/main.yaml"
    >>> main.touch()
    >>> Path(repository_file("hparams/main.yaml", [main])) == main.resolve()
    True
    """
    if os.path.exists(name) or os.path.isabs(name):
        return name
    folders = (folder for path in beside for folder in path.resolve().parents)
    places = (os.path.join(folder, name) for folder in folders)
    return next(filter(os.path.isfile, places), name)


def named_by_yaml(name: str, folders: Iterable[Path]) -> Path:
    """A yaml file that another names: beside it, or else in the repository's ``hparams/``.

    Arguments
    ---------
    name : str
        As the other file has it, ``encoder/mini.yaml``.
    folders : iterable of Path
        Where it may lie; in the first of them, if it is nowhere.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> str(named_by_yaml("encoder/mini.yaml", [folder])).endswith("hparams/encoder/mini.yaml")
    True
    >>> named_by_yaml("absent.yaml", [folder]) == folder / "absent.yaml"
    True
    """
    near = [folder / name for folder in folders]
    script = getattr(sys.modules["__main__"], "__file__", None)
    repositories = [Path(place) for place in (script, __file__) if place]
    ours = Path(repository_file(f"hparams/{name}", repositories))
    return next((path for path in (*near, ours) if path.is_file()), near[0])
