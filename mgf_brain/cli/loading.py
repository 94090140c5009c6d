"""What the commands share that load a model: its options, its class, and the files it reads."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.data.audio_files import AUDIO_EXTENSIONS, audio_among
from mgf_brain.errors import UserError, printable
from mgf_brain.folder.model_names import refuse_absent


def add_model_options(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """``--model``, which may have a default, ``--device`` and ``--trust``."""
    more = f" (default: {default}, which comes with mgf_brain)" if default else ""
    parser.add_argument(
        "--model",
        required=not default,
        default=default,
        help="a run, its pretrained/ or model/ folder, a hub id, user/name, a folder of "
        f"transformers, or another model: see docs/any_model.md{more}",
    )
    add_load_options(parser)


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """``--device`` and ``--trust``."""
    parser.add_argument("--device", default="cpu", help="such as cuda:0 (default: cpu)")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="build whatever the folder's yaml names: for folders of your own only",
    )


def load_model(args: argparse.Namespace, kind: str = "") -> Any:
    """Load what ``--model`` names, see ``load_named``."""
    return load_named(args.model, args, kind)


def load_named(name: str, args: argparse.Namespace, kind: str = "") -> Any:
    """Load a model.

    Arguments
    ---------
    name : str
    args : argparse.Namespace
        With ``device`` and ``trust``.
    kind : str
        The class of ``mgf_brain.inference`` that a command needs; by default the model's own.

    Returns
    -------
    SpeechEncoder or SpeechTask
        In evaluation mode.

    Raises
    ------
    UserError
        If there is no such device, or the model cannot be loaded as this class.
    """
    refuse_absent(name)  # before what takes seconds to import
    from mgf_brain import inference
    from mgf_brain.folder.read import check_device
    from mgf_brain.inference.any_model import load_any

    check_device(args.device, "--device ")
    load = getattr(inference, kind).from_pretrained if kind else load_any
    return load(name, args.device, args.trust)


def named_audio(paths: Sequence[str]) -> list[Path]:
    """Files as they are, and of folders all audio files in them, at any depth.

    Arguments
    ---------
    paths : sequence of str

    Returns
    -------
    list of Path
        Those of a folder in the order of their names; hidden files are left out.

    Raises
    ------
    UserError
        If there is no such file or folder, or a folder holds no audio.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.flac", "a.WAV", "._a.wav", "notes.txt"):
    ...     (folder / name).touch()
    >>> [path.name for path in named_audio([str(folder)])]
    ['a.WAV', 'b.flac']
    """
    return [file for path in paths for file in _named_audio(Path(path))]


def audio_file(path: str | Path) -> Path:
    """A file that exists; `UserError` where it doesn't."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file. Check the path.")
    return Path(path)


def refuse_no_folder(paths: Sequence[str]) -> None:
    """Raise a UserError if a path is that of no folder.

    Example
    -------
    >>> refuse_no_folder(["/nowhere"])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: /nowhere: no such folder. Check the path.
    """
    for path in paths:
        if not Path(path).is_dir():
            raise UserError(f"{path}: no such folder. Check the path.")


def refuse_suffix(output: str | Path, *suffixes: str) -> None:
    """Raise a UserError if an ``--output`` ends in another way.

    Example
    -------
    >>> refuse_suffix("page.html", ".html", ".htm")
    >>> refuse_suffix("page.csv", ".html", ".htm")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: --output page.csv: its suffix is none of .html, .htm. Pass another.
    """
    if Path(output).suffix not in suffixes:
        raise UserError(
            f"--output {output}: its suffix is none of {', '.join(suffixes)}. Pass another."
        )


def refuse_unwritable(path: Path) -> None:
    """Raise a UserError if a file cannot be written: before the work is done, not after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"--output {path}: {error.strerror}. Pass another.") from error


def for_each(files: Sequence[Path], work: Callable[[Path], None]) -> None:
    """Work on each file; those that cannot be read are named, and the others done all the same.

    Arguments
    ---------
    files : sequence of Path
    work : callable
        ``work(file)``; a `UserError` is the file's fault.

    Raises
    ------
    UserError
        At the end, if any file failed.
    """
    from tqdm import tqdm

    failed = 0
    for file in tqdm(files, unit="file", disable=None):  # no bar where no one is watching
        try:
            work(file)
        except UserError as error:
            if len(files) == 1:
                raise
            tqdm.write(f"error: {error}", file=sys.stderr)
            failed += 1
    if failed:
        raise UserError(f"{failed} of {len(files)} files could not be used, see above.")


def say(*cells: object) -> None:
    """Print a line, tabs between its cells, which neither break it nor steer a terminal.

    Example
    -------
    >>> say("a\\n\\x1b[2J.wav")
    a\\n\\x1b[2J.wav
    """
    from tqdm import tqdm  # a tenth of a second

    tqdm.write("\t".join(printable(str(cell)) for cell in cells))


def _named_audio(path: Path) -> list[Path]:
    if not path.is_dir():
        return [audio_file(path)]
    files = [file for file in audio_among(sorted(path.rglob("*"))) if file.is_file()]
    if not files:
        raise UserError(f"{path} holds no audio: {', '.join(AUDIO_EXTENSIONS)}. Pass another.")
    return files
