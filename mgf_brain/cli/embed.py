"""``mgf-brain embed``: vectors of files, or the states of their frames, resumable."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from mgf_brain.cli.loading import (
    add_model_options,
    for_each,
    load_model,
    named_audio,
    refuse_suffix,
    say,
)
from mgf_brain.errors import UserError
from mgf_brain.folder.shipped import ENCODER

HELP = "Turn a file or a folder of audio into embeddings; goes on where it was interrupted."
EXAMPLES = """\
  mgf-brain embed recordings/ --output speech.npz
  mgf-brain embed recordings/ --model results/LibriSpeech/mgf/1986 --output speech.npz
  mgf-brain embed recordings/ --model user/name --layer 4 --output layer4.parquet
  mgf-brain embed recordings/ --model user/name --frames --output states/

  import numpy
  file = numpy.load("speech.npz")
  file["ids"], file["embeddings"]  # (N,) paths within recordings/, (N, E) float32
  file = numpy.load("states/a.wav.npz")
  file["states"], file["times"]  # (layers, T, D) float32, or (T, D) with --layer; (T,) seconds
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to read, with which model, what to take from it and where to write it."""
    parser.add_argument("audio", help="an audio file, or a folder of them, at any depth")
    add_model_options(parser, ENCODER)
    parser.add_argument(
        "--output",
        required=True,
        help="a .npz or .parquet file; a folder with --frames. "
        "What it holds is kept, and audio that is newer is done anew",
    )
    parser.add_argument(
        "--layer",
        type=int,
        help="mean over time of this layer's states, 0 being the encoder's input, in place of the "
        "model's own embedding",
    )
    parser.add_argument(
        "--frames", action="store_true", help="states of every frame, one .npz a file"
    )


def run(args: argparse.Namespace) -> None:
    """Write what is not in the output yet; a broken file is named and left out."""
    from mgf_brain.cli.embed_stores import FORMATS, open_store

    root = _root(args.audio)
    files = _by_id(named_audio([args.audio]), root)
    if not args.frames:
        refuse_suffix(args.output, *FORMATS)
    model = load_model(args)
    from mgf_brain.inference.embedder import Embedder

    embedder = Embedder(model, args.layer, args.frames)
    settings = f"{embedder.settings()}, audio {_digest(root)}"
    with open_store(args.output, args.frames, settings) as store:
        missing = {file: id for id, file in files.items() if not store.holds(id, file)}
        if len(missing) < len(files):
            say(f"{len(files) - len(missing):,} of {len(files):,} files are done already")
        for_each(list(missing), lambda file: store.add(missing[file], embedder(file)))
    say(f"wrote {args.output}")


def _root(audio: str) -> Path:
    return Path(audio) if Path(audio).is_dir() else Path(audio).parent


def _digest(root: Path) -> str:
    """Of the folder's place: files of the same names elsewhere are other files."""
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]


def _by_id(files: Sequence[Path], root: Path) -> dict[str, Path]:
    """Files by their paths within the root; a byte that is not UTF-8 is written as its number."""
    found: dict[str, Path] = {}
    for file in files:
        name = os.fsencode(file.relative_to(root).as_posix())
        id = name.decode("utf-8", "backslashreplace")
        if found.setdefault(id, file) != file:
            raise UserError(f"{file} and {found[id]} would both be {id}. Rename one.")
    return found
