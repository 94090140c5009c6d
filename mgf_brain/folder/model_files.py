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
EXTRACTORS = ("preprocessor_config.json", "processor_config.json")  # the 2nd holds the former
WEIGHTS = (WEIGHTS_FILE, "pytorch_model.bin")  # in the order of preference
SHARD = re.compile(r"(model|pytorch_model)-\d{5}-of-\d{5}\.(safetensors|bin)")

SPEECHBRAIN = (".yaml", ".ckpt", ".txt", ".md")  # endings of its files


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
        Of a model of ours its files; of transformers see ``files_of_transformers``; of SpeechBrain
        all yaml, checkpoints and lists.

    Example
    -------
    >>> needed_files(["config.json", "model.safetensors", "tf_model.h5"])
    ['config.json', 'model.safetensors']
    >>> needed_files(["hyperparams.yaml", "embedding_model.ckpt", "example.wav"])
    ['hyperparams.yaml', 'embedding_model.ckpt']
    """
    names = list(names)
    if YAML_FILE in names and WEIGHTS_FILE not in names:
        return [name for name in names if name.endswith(SPEECHBRAIN)]
    if YAML_FILE not in names and CONFIG_FILE in names:
        return files_of_transformers(names)
    return list(filter(is_ours, names))


def files_of_transformers(names: Iterable[str]) -> list[str]:
    """Of the files of a transformers folder, those that its model needs.

    Arguments
    ---------
    names : iterable of str

    Returns
    -------
    list of str
        Configurations, card, and one copy of the weights: safetensors before pickles.

    Example
    -------
    >>> files_of_transformers(["pytorch_model.bin", "config.json", "tf_model.h5", "vocab.json"])
    ['config.json', 'pytorch_model.bin']
    """
    offered = set(names)
    chosen = [name for name in (CONFIG_FILE, *EXTRACTORS, "README.md") if name in offered]
    for file in WEIGHTS:
        shards = sorted(name for name in offered if _is_shard_of(name, file))
        if file in offered:
            return [*chosen, file]
        if shards:
            index = f"{file}.index.json"
            return [*chosen, *([index] if index in offered else []), *shards]
    return chosen


def _is_shard_of(name: str, file: str) -> bool:
    stem, _, ending = file.partition(".")
    return bool(found := SHARD.fullmatch(name)) and found[1] == stem and found[2] == ending
