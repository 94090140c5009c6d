"""The command line of every recipe: `script.py <file>.yaml [--key value …]`, strict and typed.

SpeechBrain's parser takes abbreviations silently and passes some numbers on as text; this one
reads the same run options, checked against the annotations of its `RunOptions`.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from speechbrain.utils.run_opts import HELP_TEXTS, RunOptions

from mgf_brain.errors import UserError

USAGE = (
    "usage: <script>.py <file>.yaml [--key value …], "
    "where a key is a top-level key of the yaml file or a run option of SpeechBrain"
)


def _run_option_types() -> dict[str, Any]:
    """The type of every run option that a command line may set, by name."""
    hints = get_type_hints(RunOptions)
    # The rest of RunOptions is bookkeeping (the parameter file, what was overridden).
    names = HELP_TEXTS.keys() & hints.keys() | {"jit_module_keys", "compile_module_keys"}
    # SpeechBrain compares elapsed minutes with it, so half a minute is a fair value.
    return {name: hints[name] for name in sorted(names)} | {"ckpt_interval_minutes": float}


RUN_OPTION_TYPES = _run_option_types()


def parse_command_line(argv: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Split a command line into the yaml file and the typed values of its keys.

    Arguments
    ---------
    argv : Sequence[str]
        The words after the script's name. Both `--key value` and `--key=value` are taken;
        only a boolean run option may stand without a value.

    Returns
    -------
    hparams_file : str
        The one word that is not a key or its value.
    values : dict[str, Any]
        The value of each key, as `parse_value` reads it.

    Raises
    ------
    UserError
        If the file is missing, a key has no value or is given twice, or a word is left over.

    Example
    -------
    >>> parse_command_line(["hparams/mgf.yaml", "--lr", "1e-3", "--debug", "--seed=7"])
    ('hparams/mgf.yaml', {'lr': 0.001, 'debug': True, 'seed': 7})
    """
    if "-h" in argv or "--help" in argv:
        print(USAGE)
        raise SystemExit(0)
    words, positional, values = deque(argv), [], {}
    while words:
        word = words.popleft()
        if not word.startswith("--"):
            positional.append(word)
            continue
        key, equals, text = word[2:].partition("=")
        if key in values:
            raise UserError(f"--{key} is given twice. Keep one of them.")
        values[key] = parse_value(key, text if equals else _next_value(key, words))
    return _only_file(positional), values


def _next_value(key: str, words: deque[str]) -> str:
    """Take the word that follows a key, or `true` for a bare flag."""
    flag = RUN_OPTION_TYPES.get(key) is bool
    if words and not words[0].startswith("--"):
        if not flag or words[0].lower() in ("true", "false"):
            return words.popleft()
    if not flag:
        raise UserError(f"--{key} needs a value: --{key} <value>.")
    return "true"


def _only_file(positional: list[str]) -> str:
    if not positional:
        raise UserError(f"no yaml file is given; {USAGE}.")
    if len(positional) > 1:
        raise UserError(f"unexpected argument {positional[1]!r}; {USAGE}.")
    return positional[0]


def parse_value(key: str, text: str) -> Any:
    """Read the value of a key as YAML 1.2 does, so that `1e-3` is a float and `no` a string.

    Arguments
    ---------
    key : str
        The key, for the message.
    text : str
        The word on the command line. `[…]`, `{…}`, quotes and tags (`!include:…`) are read as
        YAML; of everything else only numbers, `true`, `false` and `null` are not strings. An
        empty word is null.

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
    """
    structured = text.startswith(("[", "{", "'", '"', "!"))
    loader = YAML() if text.startswith("!") else YAML(typ="safe", pure=True)
    try:
        value = loader.load(text)
    except YAMLError as error:
        if structured:
            raise UserError(f"--{key} {text}: this value is not valid YAML.") from error
        return text
    plain = value is None or isinstance(value, (bool, int, float))
    # "/data/my #1" or "a: b" are paths and texts here, not YAML with a comment or a mapping.
    return value if structured or (plain and "#" not in text) else text


def check_run_option(name: str, value: Any) -> Any:
    """Return a run option's value in the type that SpeechBrain annotates it with.

    Arguments
    ---------
    name : str
        A key of `RUN_OPTION_TYPES`.
    value : Any
        The value that the command line or the yaml file gives.

    Returns
    -------
    Any
        The same value; an int given for a float becomes a float.

    Raises
    ------
    UserError
        If the value has another type or is none of the choices.

    Example
    -------
    >>> check_run_option("max_grad_norm", 1)
    1.0
    >>> check_run_option("precision", "fp8")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: precision must be one of fp32, fp16, bf16, not 'fp8'.
    """
    hint = RUN_OPTION_TYPES[name]
    if not _matches(value, hint):
        raise UserError(f"{name} must be {_describe(hint)}, not {value!r}.")
    return float(value) if hint is float else value


def _matches(value: Any, hint: Any) -> bool:
    """Whether a value has the type that an annotation names (a bool is no number)."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in arguments
    if origin in (Union, types.UnionType):
        return any(_matches(value, argument) for argument in arguments)
    if origin is list:
        return isinstance(value, list) and all(_matches(item, arguments[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _describe(hint: Any) -> str:
    """An annotation in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(argument) for argument in arguments)
    if origin is list:
        return "a list such as [a, b]"
    names = {bool: "true or false", int: "an integer", float: "a number", str: "a word"}
    return names.get(hint, "null")
