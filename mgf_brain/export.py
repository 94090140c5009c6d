"""Writing a pretrained folder: all that another machine needs, and no path of this one."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from safetensors.torch import save_file
from torch import nn

from mgf_brain.errors import UserError

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
    yaml = YAML(typ="rt")
    yaml.representer.ignore_aliases = lambda node: True
    tree = yaml.load(resolved_yaml)
    missing = [key for key in keys if key not in tree]
    if missing:
        raise UserError(f"the yaml lacks {', '.join(missing)}, which a pretrained folder needs.")
    kept = type(tree)((key, tree[key]) for key in keys)
    stream = io.StringIO()
    yaml.dump(kept, stream)
    return stream.getvalue()


def export_folder(
    folder: str | Path,
    modules: dict[str, nn.Module],
    yaml_text: str,
    results: dict[str, Any],
    card: str,
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

    Returns
    -------
    Path
        The folder.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    staging.chmod(0o755)
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    save_file(tensors, staging / "model.safetensors")
    (staging / "hyperparams.yaml").write_text(yaml_text, encoding="utf-8")
    (staging / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (staging / "README.md").write_text(card, encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    staging.rename(folder)
    return folder
