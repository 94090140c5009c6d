"""Where recipes and yaml files lie: in a checkout, or in the package that was installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# The folder of recipes/ and hparams/: a wheel has them in the package, see setup.py.
HOME = PACKAGE if (PACKAGE / "recipes").is_dir() else PACKAGE.parent


def found_file(name: str) -> str:
    """The main yaml file: where it is named, or else among those that come along.

    Arguments
    ---------
    name : str
        As on the command line: ``hparams/mgf.yaml``, or ``mgf.yaml`` alone.

    Returns
    -------
    str
        The name itself, unless only the script's repository, or ours, has such a file.

    Example
    -------
    >>> found_file("hparams/mgf.yaml"), found_file("mgf.yaml")
    ('hparams/mgf.yaml', 'hparams/mgf.yaml')
    >>> found_file("absent.yaml")
    'absent.yaml'
    """
    names = (name, os.path.join("hparams", name))
    places = (repository_file(place, _script()) for place in names)
    return next(filter(os.path.isfile, places), name)


def _script() -> list[Path]:
    """The script that runs: a copy of a recipe may stand in a repository of its own."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    return [Path(script)] if script else []


def repository_file(name: str, beside: Iterable[Path] = ()) -> str:
    """A file where it is named, or else in a repository: that of other files, or ours.

    Arguments
    ---------
    name : str
        Relative to the working folder, or to the root of a repository.
    beside : iterable of Path
        Files of a repository that is looked at before ours.

    Returns
    -------
    str
        The name itself, unless only a folder above one of these files, or ours, has such a file.

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
    folders = [folder for path in beside for folder in path.resolve().parents]
    places = (os.path.join(folder, name) for folder in [*folders, HOME])
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
    ours = Path(repository_file(os.path.join("hparams", name), _script()))
    return next((path for path in (*near, ours) if path.is_file()), near[0])
