"""The command line of every recipe: `script.py <file>.yaml [--key value …]`, strict.

SpeechBrain's parser takes abbreviations silently and passes some numbers on as text; this one
reads the same run options.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML

from mgf_brain.errors import UserError
from mgf_brain.kinds import is_text
from mgf_brain.run.keys import RUN_OPTIONS
from mgf_brain.run.plain import UNREADABLE

USAGE = (
    "usage: <script>.py <file>.yaml [--key value …], where a key is a top-level key of the yaml "
    "file or a run option of SpeechBrain; <script>.py <file>.yaml --help lists them"
)


def parse_command_line(argv: Sequence[str], usage: str = USAGE) -> tuple[str, dict[str, str]]:
    """Split a command line into the yaml file and the words of its keys.

    Arguments
    ---------
    argv : Sequence[str]
        The words after the script's name. Both `--key value` and `--key=value` are taken;
        only a boolean run option may stand without a value, which then is `true`.
    usage : str
        What is said where the file is missing.

    Returns
    -------
    hparams_file : str
        The one word that is not a key or its value.
    values : dict[str, str]
        What is given for each key; `parse_value` reads it. `-h` and `--help` are the key `help`.

    Raises
    ------
    UserError
        If the file is missing, a key has no value or is given twice, or a word is left over.

    Example
    -------
    >>> parse_command_line(["hparams/mgf.yaml", "--lr", "1e-3", "--debug", "--seed=7"])
    ('hparams/mgf.yaml', {'lr': '1e-3', 'debug': 'true', 'seed': '7'})
    """
    words, positional, values = deque(argv), [], {}
    while words:
        word = words.popleft()
        if word in ("-h", "--help"):
            values["help"] = "true"
            continue
        if not word.startswith("--"):
            positional.append(word)
            continue
        key, equals, text = word[2:].partition("=")
        if key in values:
            raise UserError(f"--{key} is given twice. Keep one of them.")
        values[key] = text if equals else _next_value(key, words)
    if "help" in values and not positional:
        print(usage)
        raise SystemExit(0)
    return _only_file(positional, usage), values


def _next_value(key: str, words: deque[str]) -> str:
    """Take the word that follows a key, or `true` for a bare flag."""
    flag = key in RUN_OPTIONS and RUN_OPTIONS[key].kind == "switch"
    if words and not words[0].startswith("--"):
        if not flag or words[0].lower() in ("true", "false"):
            return words.popleft()
    if not flag:
        raise UserError(f"--{key} needs a value: --{key} <value>.")
    return "true"


def _only_file(positional: list[str], usage: str) -> str:
    if not positional:
        raise UserError(f"no yaml file is given; {usage}.")
    if len(positional) > 1:
        raise UserError(f"unexpected argument {positional[1]!r}; {usage}.")
    return positional[0]


def parse_value(key: str, text: str, kind: str = "") -> Any:
    """Read the value of a key as YAML 1.2 does, so that `1e-3` is a float and `no` a string.

    Arguments
    ---------
    key : str
        The key, for the message.
    text : str
        The word on the command line. `[…]`, `{…}`, quotes and tags (`!include:…`) are read as
        YAML; of everything else only numbers, `true`, `false` and `null` are not strings. An
        empty word is null.
    kind : str
        Of the key, see ``mgf_brain.kinds``: where it is text, a number or `true` is text too.

    Returns
    -------
    Any
        A plain value, or a tagged node of ruamel.yaml.

    Raises
    ------
    UserError
        If a list, mapping, quoted or tagged value is malformed.

    Example
    -------
    >>> [parse_value("key", text) for text in ("1e-3", "12", "false", "null", "[1, a]", "a: #b")]
    [0.001, 12, False, None, [1, 'a'], 'a: #b']
    >>> parse_value("data_folder", "2024", "path or null")
    '2024'
    """
    structured = text.startswith(("[", "{", "'", '"', "!"))
    loader = YAML() if text.startswith("!") else YAML(typ="safe", pure=True)
    try:
        value = loader.load(text)
    except UNREADABLE as error:
        if structured:
            raise UserError(f"--{key} {text}: this value is not valid YAML.") from error
        return text
    if structured or value is None:
        return value
    # "/data/my #1" or "a: b" are paths and texts here, not YAML with a comment or a mapping.
    plain = isinstance(value, (bool, int, float)) and "#" not in text
    return value if plain and not (kind and is_text(kind)) else text
