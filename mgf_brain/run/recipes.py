"""The recipes that come along, and the yaml files that each can be started with."""

from __future__ import annotations

import ast
import difflib
import re
from functools import cache
from pathlib import Path

from mgf_brain.errors import UserError
from mgf_brain.run.places import HOME
from mgf_brain.run.recipe import NEEDS, Recipe

PARTS = ("base", "data", "encoder", "front_end", "network")  # of hparams/: of other yaml files
TOP_KEY = re.compile(r"^(\w+):(.*)", re.MULTILINE)
MODEL = re.compile(r"^# Model: (.*(?:\n#  +\S.*)*)", re.MULTILINE)
HEAD = re.compile(r"^# (?:Task: )?(\w.*(?:\n# [^#].*)*)", re.MULTILINE)


def recipe_scripts() -> dict[str, Path]:
    """The scripts by their names.

    Example
    -------
    >>> recipe_scripts()["EmoDB/emotion"].name
    'emotion.py'
    """
    paths = sorted((HOME / "recipes").glob("*/*.py"), key=lambda path: str(path).casefold())
    return {f"{path.parent.name}/{path.stem}": path for path in paths}


def recipe_script(name: str) -> Path:
    """The script of a recipe.

    Arguments
    ---------
    name : str
        Its corpus and its task, ``EmoDB/emotion``; ``recipes/EmoDB/emotion.py`` is the same.

    Raises
    ------
    UserError
        With the nearest, if there is none of this name.

    Example
    -------
    >>> recipe_script("EmoDB/emotions")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: no recipe EmoDB/emotions; the nearest is EmoDB/emotion. Try --list.
    """
    scripts = recipe_scripts()
    short = name.removeprefix("recipes/").removesuffix(".py")
    if short not in scripts:
        folded = {known.casefold(): known for known in scripts}
        nearest = difflib.get_close_matches(short.casefold(), folded, n=1, cutoff=0.0)[0]
        raise UserError(f"no recipe {name}; the nearest is {folded[nearest]}. Try --list.")
    return scripts[short]


def sentence(script: Path) -> str:
    """What a script's docstring begins with.

    Example
    -------
    >>> sentence(recipe_script("EmoDB/emotion"))
    'Recognise seven acted emotions in EmoDB (German): leave one speaker out.'
    """
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def fitting_yamls(recipe: Recipe) -> dict[str, str]:
    """The yaml files that have what a recipe needs, each with its model in a line.

    Arguments
    ---------
    recipe : Recipe

    Returns
    -------
    dict of str to str
        Names are those below ``hparams/``; the usual one comes first. Another task's own yaml is
        none, even if it has all the keys.

    Example
    -------
    >>> list(fitting_yamls(Recipe("EmoDB", "emotion")))
    ['emotion.yaml']
    >>> list(fitting_yamls(Recipe("VoxCeleb", "verification")))
    ['verification.yaml', 'pseudo_labels.yaml']
    """
    root, usual = HOME / "hparams", recipe.usual_yaml.removeprefix("hparams/")
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.yaml"))]
    fitting = [
        name
        for name in names
        if name.split("/")[0] not in PARTS
        and (name == usual or Path(name).stem not in NEEDS)
        and set(recipe.needs) <= _keys(root / name)
    ]
    order = sorted(fitting, key=lambda name: (name != usual, "/" in name))
    return {name: _model(root / name) for name in order}


@cache
def _keys(path: Path) -> frozenset[str]:
    """The keys at the top of one of our yaml files, and of what it is based on."""
    found = dict(TOP_KEY.findall(path.read_text(encoding="utf-8")))
    bases = re.findall(r"[\w./]+\.yaml", found.pop("base", ""))
    places = [(path.parent / base, HOME / "hparams" / base) for base in bases]
    return frozenset(found).union(
        *(_keys(next(place for place in both if place.is_file())) for both in places)
    )


def _model(path: Path) -> str:
    """What the head of a yaml file says of its model, or its first sentence."""
    text = path.read_text(encoding="utf-8")
    found = MODEL.search(text) or HEAD.search(text)
    joined = re.sub(r"\s*\n#\s+", " ", found[1]) if found else ""
    return re.split(r"(?<! al)\. ", joined)[0].rstrip(".")
