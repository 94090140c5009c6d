"""Which files a model consists of: of all that a folder or a repository of the hub may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch

from mgf_brain.folder.adapted import BASE_FILE
from mgf_brain.folder.source import YAML_FILE
from mgf_brain.folder.weights import WEIGHTS_FILE

# What a folder of ours consists of, and therefore all that is ever sent.
FILES = (YAML_FILE, WEIGHTS_FILE, "README.md", "results.json")
MORE_FILES = "*.model"  # units of SentencePiece
OURS = (*FILES, BASE_FILE)
CONFIG_FILE = "config.json"  # of transformers
BESIDE_CONFIG = (CONFIG_FILE, "preprocessor_config.json", "README.md")
INDEX = f"{WEIGHTS_FILE}.index.json"  # of weights in several files
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
PICKLE = "pytorch_model.bin"  # of those that have no safetensors


def is_ours(name: str) -> bool:
    """Whether a folder of ours holds a file of this name, which is no path.

    Example
    -------
    >>> is_ours("units.model"), is_ours("pytorch_model.bin")
    (True, False)
    """
    return name in OURS or ("/" not in name and fnmatch(name, MORE_FILES))


def needed_files(names: Iterable[str]) -> list[str]:
    """Of the files of a repository, those that its model needs.

    Arguments
    ---------
    names : iterable of str
        Paths in it.

    Returns
    -------
    list of str
        Of a model of ours its files; of transformers the configuration and the weights once, in
        the safest format; of SpeechBrain all yaml, checkpoints and lists.

    Example
    -------
    >>> needed_files(["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5"])
    ['config.json', 'model.safetensors']
    >>> needed_files(["hyperparams.yaml", "embedding_model.ckpt", "example.wav"])
    ['hyperparams.yaml', 'embedding_model.ckpt']
    """
    names = list(names)
    if YAML_FILE in names and WEIGHTS_FILE not in names:
        kinds = (".yaml", ".ckpt", ".txt", ".md")
        return [name for name in names if name.endswith(kinds)]
    if YAML_FILE not in names and CONFIG_FILE in names:
        kept = {*BESIDE_CONFIG, *_weight_files(names)}
        return [name for name in names if name in kept]
    return list(filter(is_ours, names))


def _weight_files(names: list[str]) -> list[str]:
    """Whole, in several files, or as a pickle: the first of these that is there."""
    if WEIGHTS_FILE in names:
        return [WEIGHTS_FILE]
    if INDEX in names:
        return [INDEX, *filter(SHARD.fullmatch, names)]
    return [PICKLE, f"{PICKLE}.index.json", *(name for name in names if _is_pickle(name))]


def _is_pickle(name: str) -> bool:
    return fnmatch(name, "pytorch_model-*-of-*.bin")
