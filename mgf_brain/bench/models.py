"""What is compared, as a command line names it."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from mgf_brain.errors import UserError
from mgf_brain.folder.model_names import pretrained_name


class Model(NamedTuple):
    """What is compared.

    Arguments
    ---------
    name : str
        In tables.
    places : tuple of str
        What ``--pretrained`` is given: one for all seeds, or one a seed.
    """

    name: str
    places: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The name for folders."""
        return re.sub(r"[^\w.+-]+", "-", self.name)


def parse_model(word: str) -> Model:
    """A model of the command line: a name on the hub, a folder, ``name=model[,model…]``.

    Raises
    ------
    UserError
        If a name or a model is empty.

    Example
    -------
    >>> parse_model("MGF=results/a/pretrained,results/b/pretrained")
    Model(name='MGF', places=('results/a/pretrained', 'results/b/pretrained'))
    >>> parse_model("facebook/hubert-base-ls960").name, parse_model("results/mgf/1986").name
    ('facebook/hubert-base-ls960', 'mgf-1986')
    """
    name, equals, places = word.partition("=")
    if os.path.exists(word) or not equals:
        shown = word if not _is_path(word) else pretrained_name(word)
        return Model(shown, (word,))
    if not name or not all(places.split(",")):
        raise UserError(f"{word}: expected name=model, or name=model,model for several seeds.")
    return Model(name, tuple(places.split(",")))


def _is_path(word: str) -> bool:
    return os.path.exists(word) or word.count("/") > 1 or word.startswith((".", "/"))
