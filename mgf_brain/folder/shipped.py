"""The models that come with the package, by their names."""

from __future__ import annotations

import os
from pathlib import Path

from mgf_brain.errors import UserError

WEIGHTS = Path(__file__).parents[1] / "weights"
ENCODER = "mgf-mini"
# Of each only the head lies there; its encoder is that of ENCODER.
SPEAKERS, SEX, AGE, PHONES = (f"{ENCODER}-{what}" for what in ("speakers", "sex", "age", "phones"))
NAMES = (ENCODER, SPEAKERS, SEX, AGE, PHONES)


def is_shipped(name: str | os.PathLike) -> bool:
    """Whether a name is that of a model that comes with the package.

    It goes before a folder of this name in the working folder, which ``./mgf-mini`` means.

    Example
    -------
    >>> is_shipped("mgf-mini"), is_shipped("./mgf-mini")
    (True, False)
    """
    return os.fspath(name) in NAMES


def place_of(name: str | os.PathLike) -> Path:
    """The folder of a model that comes with the package, or the path that a name is otherwise.

    Arguments
    ---------
    name : str or os.PathLike

    Raises
    ------
    UserError
        If this copy of the package has no weights.

    Example
    -------
    >>> place_of("results/mgf/1986").as_posix()
    'results/mgf/1986'
    """
    if not is_shipped(name):
        return Path(name)
    folder = WEIGHTS / name
    if not folder.is_dir():
        raise UserError(
            f"{name} is not in this copy of mgf_brain: {WEIGHTS} lacks it. Install mgf_brain anew, "
            "or make it in a checkout: python -m experiments.ship --help says how."
        )
    return folder
