"""The command line of every recipe's prepare.py."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mgf_brain.data.preparation.corpus import MAX_BAD_SHARE
from mgf_brain.data.preparation.summary import format_summary, read_summary
from mgf_brain.data.preparation.trimming import prepare_trimmed
from mgf_brain.errors import UserError
from mgf_brain.files import remove_temporaries
from mgf_brain.kinds import Misfit, fit, takes
from mgf_brain.locks import locked

# Of the options that every prepare.py has; a corpus's own are checked by its function.
KINDS = {
    "data_folder": "path",
    "output_folder": "path",
    "workers": "integer >= 1 <= 1024 or null",
    "max_bad_share": "share",
    "remove_silence": "switch",
}


def prepare_main(
    prepare: Callable[..., Mapping[str, Path]], description: str | None, **options: str
) -> None:
    """Read the command line, prepare the corpus, print the summary.

    Arguments
    ---------
    prepare : callable
        ``prepare(data_folder, save_folder, *, workers, max_bad_share) -> {part: manifest}``,
        with the other options as further keywords.
    description : str or None
        Its first line heads the help: a script's docstring, which ``python -OO`` leaves out.
    **options : str
        Help texts of the corpus's own options, by keyword. Their values are typed as those of
        the recipes' keys (`true`, `[a, b]`); one that isn't given keeps the function's default.

    Raises
    ------
    UserError
        What ``prepare`` raises, or if a value is impossible.
    """
    args = vars(_parser(description, options).parse_args())
    for key, kind in KINDS.items():
        args[key] = _fit(key, args[key], kind)
    data_folder, output_folder = args.pop("data_folder"), args.pop("output_folder")
    if args.pop("remove_silence"):
        prepare = functools.partial(prepare_trimmed, prepare)
    with locked(output_folder):
        remove_temporaries(output_folder)
        prepare(data_folder, output_folder, **args)
    print(format_summary(read_summary(output_folder)))


def _fit(key: str, value: Any, kind: str) -> Any:
    try:
        return fit(value, kind)
    except Misfit:
        raise UserError(f"--{key} {takes(kind, value)}.") from None


def _parser(description: str | None, options: Mapping[str, str]) -> argparse.ArgumentParser:
    first = description.splitlines()[0] if description else None
    parser = argparse.ArgumentParser(description=first, allow_abbrev=False)
    parser.add_argument("--data_folder", required=True, help="the corpus in its own layout")
    parser.add_argument("--output_folder", required=True, help="where the manifests go")
    parser.add_argument(
        "--workers", type=_read_yaml, help="threads that check audio (default: cores)"
    )
    parser.add_argument(
        "--max_bad_share",
        type=_read_yaml,
        default=MAX_BAD_SHARE,
        help="unusable files skipped up to this share",
    )
    parser.add_argument(
        "--remove_silence",
        type=_read_yaml,
        default=False,
        help="true: write the audio without its silence below output_folder (default: false)",
    )
    for name, text in options.items():
        parser.add_argument(f"--{name}", type=_read_yaml, default=argparse.SUPPRESS, help=text)
    return parser


def _read_yaml(text: str) -> Any:
    """As ``command_line.parse_value``, which would import SpeechBrain: seconds, for two options."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid YAML") from error
