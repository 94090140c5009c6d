"""``mgf-brain <command>``: finds the command, and makes a line of what goes wrong."""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from mgf_brain import __version__
from mgf_brain.errors import UserError, run_main

# In the order of the help; each is a module of this package.
COMMANDS = (
    "info",
    "embed",
    "verify",
    "transcribe",
    "emotion",
    "attributes",
    "report",
    "manifest",
    "run",
    "bench",
    "leaderboard",
    "push",
    "pull",
    "export",
)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command that the words name.

    Arguments
    ---------
    argv : sequence of str, optional
        The words after ``mgf-brain``; by default those of this process.

    Raises
    ------
    SystemExit
        With status 2 after a ``UserError`` or wrong options, 130 after Ctrl-C, 141 after a closed
        pipe.

    Example
    -------
    >>> main(["--version"])
    mgf-brain 0.1.0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # of a terminal that is not UTF-8, say
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        run_main(lambda: _dispatch(words))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _dispatch(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(usage())
    elif words[0] == "--version":
        print(f"mgf-brain {__version__}")
    elif "" in words:  # to Path it is the current folder
        raise UserError("an argument is empty. Is a variable of the shell not set?")
    else:
        command = load_command(words[0])
        command.run(make_parser(words[0], command).parse_args(words[1:]))


def load_command(name: str) -> ModuleType:
    """The module of a command.

    Arguments
    ---------
    name : str

    Returns
    -------
    module

    Raises
    ------
    UserError
        With the nearest command, if there is none of this name.

    Example
    -------
    >>> load_command("verfy")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: mgf-brain has no command verfy; the nearest is verify. Try --help.
    """
    if name not in COMMANDS:
        nearest = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.0)[0]
        raise UserError(f"mgf-brain has no command {name}; the nearest is {nearest}. Try --help.")
    return importlib.import_module(f"mgf_brain.cli.{name}")


def make_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """The parser of a command's options, which may not be abbreviated.

    Arguments
    ---------
    name : str
    command : module
        See ``load_command``.

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = argparse.ArgumentParser(
        prog=f"mgf-brain {name}",
        description=command.HELP,
        epilog=f"examples:\n{command.EXAMPLES.rstrip()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def usage() -> str:
    """All commands, a line each.

    Example
    -------
    >>> usage().splitlines()[0]
    'usage: mgf-brain <command> …'
    """
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary(name)}" for name in COMMANDS]
    return "\n".join(
        [
            "usage: mgf-brain <command> …",
            "",
            *lines,
            "",
            "mgf-brain <command> --help shows its options and examples.",
        ]
    )


def summary(name: str) -> str:
    """A command's ``HELP``, read without importing what the command imports.

    Arguments
    ---------
    name : str

    Returns
    -------
    str

    Example
    -------
    >>> summary("verify")
    'Tell whether two files are of the same speaker.'
    """
    path = Path(__file__).with_name(f"{name}.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HELP":
            return ast.literal_eval(node.value)
    raise LookupError(f"{path} has no HELP")
