"""Reading the folder that a run leaves, whatever it trained: the one place that loads weights."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path
from typing import Any, TypeVar

from hyperpyyaml import load_hyperpyyaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from mgf_brain.errors import UserError, one_line
from mgf_brain.folder.safe_yaml import load_safely

YAML_FILE, WEIGHTS_FILE = "hyperparams.yaml", "model.safetensors"
OLDER = ", or, if an older version of mgf_brain wrote it, train it again"  # ends a remedy

Model = TypeVar("Model", bound=nn.Module)


def read_parts(kind: type[nn.Module], folder: str | Path, trust: bool = False) -> dict[str, Any]:
    """Build the parts that a folder's yaml describes, with initial weights.

    Arguments
    ---------
    kind : type
        The class that is to be made of the parts.
    folder : str or Path
        With ``hyperparams.yaml`` and ``model.safetensors``.
    trust : bool
        Build whatever the yaml names, which can run any program: for folders of your own that
        name classes of your own. Otherwise only mgf_brain's models are built.

    Returns
    -------
    dict of str to object
        Arguments of the class.

    Raises
    ------
    UserError
        If the folder lacks a file, its yaml names what is refused or cannot be built, or it was
        written for another class.
    """
    folder = Path(folder)
    for name in (YAML_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise UserError(f"{folder} is no pretrained folder: it lacks {name}.")
    parts = _build(folder / YAML_FILE, trust)
    try:
        inspect.signature(kind).bind(**parts)
    except TypeError:
        raise UserError(
            f"{folder} holds no {kind.__name__}: its {YAML_FILE} has the keys "
            f"{', '.join(parts)}. Load it with the class that its README.md names."
        ) from None
    return parts


def _build(path: Path, trust: bool) -> dict[str, Any]:
    """The objects of a yaml file; whatever its classes raise is the file's fault."""
    try:
        parts = _load_anything(path) if trust else load_safely(path)
    except UserError:
        raise
    except Exception as error:
        reason = one_line(error).rstrip(".")
        raise UserError(f"{path}: {reason}. Copy the folder anew{OLDER}.") from error
    if not parts:
        raise UserError(f"{path} is empty. Copy the folder anew.")
    return parts


def _load_anything(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    return load_hyperpyyaml(text) if text.strip() else {}


def load_weights(model: Model, folder: str | Path, device: str = "cpu") -> Model:
    """Give a model the weights of a folder.

    Arguments
    ---------
    model : torch.nn.Module
        Made of the folder's parts.
    folder : str or Path
    device : str
        Where the model is to run, such as "cuda:0".

    Returns
    -------
    torch.nn.Module
        The same, in evaluation mode.

    Raises
    ------
    UserError
        If the weights cannot be read, or are another architecture's.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> folder, trained = getfixture("tmp_path"), nn.Linear(2, 1)
    >>> save_file(trained.state_dict(), folder / WEIGHTS_FILE)
    >>> bool((load_weights(nn.Linear(2, 1), folder).weight == trained.weight).all())
    True
    """
    try:
        model.load_state_dict(load_file(Path(folder) / WEIGHTS_FILE))
    except SafetensorError as error:
        raise UserError(
            f"{folder}: {WEIGHTS_FILE} cannot be read ({error}). Copy it anew."
        ) from error
    except RuntimeError as error:
        reason = textwrap.shorten(str(error), 300, placeholder=" …")  # torch has a line a weight
        raise UserError(
            f"{folder}: the weights do not fit {YAML_FILE}: {reason} Copy the folder anew{OLDER}."
        ) from error
    return model.eval().to(device)
