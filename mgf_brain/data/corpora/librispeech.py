"""Preparing LibriSpeech and Libri-Light.

LibriSpeech: `<root>/<part>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac`, with
transcripts in `<speaker>-<chapter>.trans.txt` beside the audio. Libri-Light:
`<root>/[small|medium|large/]<speaker>/<book>/<name>.flac`, without transcripts; it becomes the
parts train-small, train-medium, train-large, or train where the root holds the speakers. Audio
may be re-encoded: the stem counts, not the extension.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.audio_files import audio_among
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

LIBRILIGHT_PARTS = ("small", "medium", "large")


@corpus_reader
def prepare_librispeech(root: Path) -> Parts:
    """LibriSpeech or Libri-Light: every part found, such as train-clean-100.

    Arguments
    ---------
    root : Path
        The folder that holds train-clean-100, … or Libri-Light's parts or speakers.

    Raises
    ------
    UserError
        If there is no audio.
    """
    parts = {part: list(_read_part(folder)) for part, folder in _find_parts(root)}
    if not any(parts.values()):
        raise UserError(
            f"no audio found in data_folder {root}: expected <part>/<speaker>/<chapter>/<audio> "
            "(LibriSpeech) or <speaker>/<book>/<audio> (Libri-Light)."
        )
    return parts


def _find_parts(root: Path) -> list[tuple[str, Path]]:
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    parts = [(f.name, f) for f in folders if f.name.startswith(("train-", "dev-", "test-"))]
    parts += [(f"train-{f.name}", f) for f in folders if f.name in LIBRILIGHT_PARTS]
    return parts or [("train", root)]


def _read_part(folder: Path) -> Iterator[Utterance]:
    for chapter in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        files = sorted(chapter.iterdir())
        words = _read_transcripts(f for f in files if f.name.endswith(".trans.txt"))
        speaker, prefix = chapter.parent.name, f"{chapter.parent.name}-{chapter.name}-"
        for file in audio_among(files):
            # Libri-Light's file names are unique only within their book.
            id = file.stem if file.stem.startswith(prefix) else prefix + file.stem
            yield Utterance(id, 0.0, str(file), speaker, words.get(file.stem))


def _read_transcripts(files: Iterator[Path]) -> dict[str, str]:
    lines = (line for file in files for _, line in read_lines(file, "data_folder"))
    pairs = (line.strip().partition(" ") for line in lines)
    return {id: words.strip() for id, _, words in pairs if words.strip()}
