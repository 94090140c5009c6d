"""Writing the folder of a model: all that another machine needs, and no path of this one."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase, CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.tag import Tag
from safetensors.torch import save_file
from torch import nn

from mgf_brain.errors import UserError, refusal
from mgf_brain.files import temporary_path
from mgf_brain.folder.adapted import Base, changed_weights, encoder_weights
from mgf_brain.folder.source import Source
from mgf_brain.folder.weights import WEIGHTS_FILE, half_precision, refuse_not_finite
from mgf_brain.public_names import PACKAGE, find, public_name

INFERENCE_KEYS = ("sample_rate", "speech_model")


def inference_yaml(resolved_yaml: str, keys: tuple[str, ...] = INFERENCE_KEYS) -> str:
    """The part of a run's yaml that inference needs, with its tags.

    Arguments
    ---------
    resolved_yaml : str
        HyperPyYAML text without references.
    keys : tuple of str
        Top-level keys to keep.

    Returns
    -------
    str
        Text in which every object is written out where it stands.

    Raises
    ------
    UserError
        If a key is missing.

    Example
    -------
    >>> inference_yaml("a: &x !new:torch.nn.ReLU {}\\nb: {c: *x}\\nd: 1\\n", ("b",))
    'b: {c: !new:torch.nn.ReLU {}}\\n'
    """
    tree = YAML().load(resolved_yaml)
    missing = [key for key in keys if key not in tree]
    if missing:
        raise UserError(f"the yaml lacks {', '.join(missing)}, which a pretrained folder needs.")
    return dump_expanded({key: tree[key] for key in keys})


def dump_expanded(tree: Mapping[str, Any]) -> str:
    """Write a mapping as HyperPyYAML text, every object where it stands.

    Arguments
    ---------
    tree : mapping
        Plain values, and nodes as of ``new_node`` or as ruamel.yaml reads them; classes of ours
        that these name by a file or by an older name get their public one.

    Returns
    -------
    str

    Example
    -------
    >>> print(dump_expanded({"labels": plain(["no", "yes"]), "rate": 16000}), end="")
    labels: ["no", "yes"]
    rate: 16000
    """
    yaml = YAML()
    yaml.representer.ignore_aliases = lambda node: True
    stream = io.StringIO()
    yaml.dump(_publicly_named(CommentedMap(tree)), stream)
    return stream.getvalue()


def _publicly_named(node: Any) -> Any:
    """The node, our classes in it by the names that no move of a file changes."""
    children = node.values() if isinstance(node, dict) else node
    for child in children if isinstance(node, (dict, list)) else ():
        _publicly_named(child)
    if isinstance(node, CommentedBase):  # what a tag can stand before
        kind, _, name = str(node.tag.value).partition(":")
        if kind in ("!new", "!name") and name.partition(".")[0] == PACKAGE:
            with suppress(ImportError, AttributeError):  # what is not there is named on loading
                node.yaml_set_ctag(Tag(suffix=f"{kind}:{public_name(find(name))}"))
    return node


def new_node(made_by: Callable[..., Any], **arguments: Any) -> CommentedMap:
    """How HyperPyYAML writes a call: ``!new:`` with the function's full name.

    Arguments
    ---------
    made_by : callable
        A class, or a ``functools.partial`` of one as of ``!name:``.
    **arguments
        What it is called with; nodes may stand among them.

    Returns
    -------
    CommentedMap

    Example
    -------
    >>> print(dump_expanded({"rate": new_node(partial(complex, imag=1), real=2)}), end="")
    rate: !new:builtins.complex
      imag: 1
      real: 2
    """
    if isinstance(made_by, partial):
        made_by, arguments = made_by.func, {**made_by.keywords, **arguments}
    node = CommentedMap({key: plain(value) for key, value in arguments.items()})
    node.yaml_set_ctag(Tag(suffix=f"!new:{public_name(made_by)}"))
    return node


def plain(value: Any) -> Any:
    """A list of names on one line and in quotes, so that "no" and "1" stay text; else the value.

    Example
    -------
    >>> print(dump_expanded({"labels": plain(["no", "1"])}), end="")
    labels: ["no", "1"]
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return value
    names = CommentedSeq(DoubleQuotedScalarString(name) for name in value)
    names.fa.set_flow_style()
    return names


def export_folder(
    folder: str | Path,
    modules: dict[str, nn.Module],
    yaml_text: str,
    results: dict[str, Any],
    card: str,
    files: Sequence[Path] = (),
    base: Source | None = None,
    half: bool = False,
) -> Path:
    """Write ``hyperparams.yaml``, ``model.safetensors``, ``results.json`` and ``README.md``.

    Arguments
    ---------
    folder : str or Path
        Replaced as a whole: a reader never sees half of it.
    modules : dict of str to torch.nn.Module
        Weights are stored as ``<name>.<parameter>``.
    yaml_text : str
        See ``inference_yaml``.
    results : dict
        The run's results.
    card : str
        The model card, Markdown.
    files : sequence of Path
        More that the model needs, copied under their names.
    base : Source, optional
        Whose encoder the modules' ``encoder`` was made of; what it has is left out and its name
        written to ``base.json``, see ``mgf_brain.folder.adapted``.
    half : bool
        Whether parameters are stored in float16; statistics, which are buffers, are not.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UserError
        If a weight is not finite.

    Example
    -------
    >>> modules = {"head": nn.Linear(2, 1)}
    >>> folder = export_folder(getfixture("tmp_path") / "model", modules, "", {}, "# A model")
    >>> sorted(path.name for path in folder.iterdir())
    ['README.md', 'hyperparams.yaml', 'model.safetensors', 'results.json']
    """
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    tensors = _apart(tensors)
    refuse_not_finite(tensors, str(folder), "Nothing was exported: train again from a checkpoint.")
    known = encoder_weights(base) if base else {}
    with staged_folder(folder) as staging:
        if base:
            Base.of(base, known).write(staging)
        kept = changed_weights(tensors, known)
        save_file(_halved(kept, modules) if half else kept, staging / WEIGHTS_FILE)
        (staging / "hyperparams.yaml").write_text(yaml_text, encoding="utf-8")
        text = json.dumps(results, indent=2) + "\n"
        (staging / "results.json").write_text(text, encoding="utf-8")
        (staging / "README.md").write_text(card, encoding="utf-8")
        for file in files:
            shutil.copy(file, staging)
    return Path(folder)


def _halved(
    tensors: Mapping[str, torch.Tensor], modules: Mapping[str, nn.Module]
) -> dict[str, torch.Tensor]:
    """Parameters as float16."""
    learnt = {f"{name}.{key}" for name, x in modules.items() for key, _ in x.named_parameters()}
    return {name: half_precision(x) if name in learnt else x for name, x in tensors.items()}


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each in memory of its own: safetensors takes no weight by two names."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return apart


@contextmanager
def staged_folder(folder: str | Path) -> Iterator[Path]:
    """A folder that takes its name, in place of what had it, only when the block has succeeded.

    Arguments
    ---------
    folder : str or Path
        Its parent is made where needed.

    Yields
    ------
    Path
        The empty folder that is to be filled.

    Raises
    ------
    UserError
        If the machine refuses to write what the block does.

    Example
    -------
    >>> folder = getfixture("tmp_path") / "model"
    >>> with staged_folder(folder) as staging:
    ...     _ = (staging / "README.md").write_text("card")
    ...     folder.exists()
    False
    >>> [path.name for path in folder.iterdir()]
    ['README.md']
    """
    folder = Path(folder).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = temporary_path(folder)
    staging.mkdir()
    try:
        yield staging
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
    except Exception as error:
        if getattr(error, "filename", None) is None and (line := refusal(error)):
            raise UserError(f"{folder}: {line}") from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def copy_card(source: str | Path, folder: str | Path, section: str) -> None:
    """Copy the model card and results of a model to a folder that was made of it.

    Arguments
    ---------
    source : str or Path
        The model's folder; what it lacks is left out.
    folder : str or Path
    section : str
        Markdown that is added at the end of the card.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> copy_card("nowhere", folder, "## Loading\\n")
    >>> [path.read_text() for path in folder.iterdir()]
    ['## Loading\\n']
    """
    card, results = (Path(source) / name for name in ("README.md", "results.json"))
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    text = f"{text.rstrip()}\n{section}".lstrip()
    (Path(folder) / "README.md").write_text(text, encoding="utf-8")
    if results.is_file():
        shutil.copy(results, folder)
