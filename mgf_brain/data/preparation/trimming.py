"""A corpus without its silence: trimmed audio in the corpus' own layout, and manifests of it."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from mgf_brain.data.audio import SAMPLE_RATE, SHORTEST, read_audio
from mgf_brain.data.audio_files import Segment, bounds
from mgf_brain.data.manifest import (
    ROOT,
    SUMMARY_FILE,
    Utterance,
    read_manifest,
    relocatable,
    write_manifest,
)
from mgf_brain.data.preparation.summary import part_figures, read_summary
from mgf_brain.data.preparation.vad import remove_silence
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic

FORMAT = 1  # raise it when trimming changes, so that older files are written again
WHOLE = "whole"  # ends the comment of a file in which no frame of speech was found


def prepare_trimmed(
    prepare: Callable[..., Mapping[str, Path]],
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    workers: int | None = None,
    **options: Any,
) -> dict[str, Path]:
    """Prepare a corpus and remove the silence of every utterance.

    `<save_folder>/audio` gets a 16-bit flac file at 16 kHz for each, in the corpus' own layout, and
    `<save_folder>/<part>.csv` are the manifests of these; those of the corpus as it is stand in
    `<save_folder>/original`. An utterance without speech stays whole and is listed in the summary.
    What an interrupted preparation has trimmed is not trimmed again.

    Arguments
    ---------
    prepare : callable
        ``prepare(data_folder, save_folder, *, workers, …) -> {part: manifest}``.
    data_folder, save_folder : str or os.PathLike
        The corpus, and where all of it goes.
    workers : int, optional
        Threads; by default one per core.
    **options : Any
        Further keywords of ``prepare``.

    Returns
    -------
    dict of str to Path
        The manifests by part.

    Raises
    ------
    UserError
        What ``prepare`` raises, or if two files would become one.
    """
    root, original = Path(os.path.abspath(save_folder)), Path(save_folder, "original")
    manifests = prepare(data_folder, original, workers=workers, **options)
    parts = {part: read_manifest(manifest) for part, manifest in manifests.items()}
    sources = {u.wav: None for rows in parts.values() for u in rows}
    targets = _targets(sources, data_folder, root / "audio")
    files = trim_files(targets, workers)
    kept = {part: [_trimmed(u, files[u.wav]) for u in rows] for part, rows in parts.items()}
    summary = read_summary(original) | {
        "parts": {part: part_figures(rows) for part, rows in kept.items()},
        "silence": {
            "hours_before": sum(u.duration for rows in parts.values() for u in rows) / 3600,
            "without_speech": [
                _name(file, data_folder) for file in files if not files[file].speech
            ],
        },
        "fingerprint": None,  # that a preparation without trimming writes its manifests again
        "data_root": str(root),
    }
    return _write(kept, summary, root)


@dataclass(frozen=True)
class TrimmedFile:
    """What has been kept of a file."""

    path: str
    seconds: float
    speech: bool  # if none was found, all has been kept


def trim_file(source: str | os.PathLike, target: str | os.PathLike) -> TrimmedFile:
    """Write a file without its silence, unless that has been done.

    The new file's comment says which size and time the source had.

    Arguments
    ---------
    source : str or os.PathLike
        Audio of any rate and format.
    target : str or os.PathLike
        A flac file, mono, 16 bits, 16 kHz.

    Returns
    -------
    TrimmedFile

    Example
    -------
    >>> import torch
    >>> folder = getfixture("tmp_path")
    >>> wav = torch.cat([0.1 * torch.randn(16000), torch.zeros(8000)])
    >>> soundfile.write(folder / "a.wav", wav.numpy(), SAMPLE_RATE)
    >>> trim_file(folder / "a.wav", folder / "a.flac").seconds
    1.03
    """
    status = os.stat(source)
    stamp = f"mgf_brain {FORMAT} {status.st_size} {status.st_mtime_ns}"
    if isinstance(source, Segment):
        stamp += " {} {}".format(*bounds(source))
    if (done := _read(target, stamp)) is not None:
        return done
    wav = read_audio(source)
    speech = remove_silence(wav)
    kept, found = (speech, True) if len(speech) >= SHORTEST else (wav, False)
    content = io.BytesIO()  # libsndfile does not say that a disk is full
    with soundfile.SoundFile(content, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
        file.comment = stamp if found else f"{stamp} {WHOLE}"
        file.write(kept.numpy())
    with open_atomic(target, "wb") as stream:
        stream.write(content.getvalue())
    return TrimmedFile(str(target), len(kept) / SAMPLE_RATE, found)


def trim_files(
    targets: Mapping[str | Segment, Path], workers: int | None = None
) -> dict[str | Segment, TrimmedFile]:
    """Trim many files in parallel, with a progress bar.

    Arguments
    ---------
    targets : mapping of str or Segment to Path
        The file to write, by source.
    workers : int, optional
        Threads; by default one per core.

    Returns
    -------
    dict of str or Segment to TrimmedFile
        By source, in the same order.

    Example
    -------
    >>> import numpy as np
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "a.wav", np.zeros(8000), SAMPLE_RATE)
    >>> (done,) = trim_files({str(folder / "a.wav"): folder / "a.flac"}).values()
    >>> done.seconds, done.speech
    (0.5, False)
    """
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        results = pool.map(trim_file, targets, targets.values())
        bar = tqdm(results, total=len(targets), desc="removing silence", unit="file")
        return dict(zip(targets, bar, strict=True))


def _read(target: str | os.PathLike, stamp: str) -> TrimmedFile | None:
    """What has been written before from the same source, if it has."""
    if not os.path.isfile(target):
        return None
    try:
        with soundfile.SoundFile(target) as file:
            if file.comment not in (stamp, f"{stamp} {WHOLE}"):
                return None
            return TrimmedFile(str(target), file.frames / SAMPLE_RATE, file.comment == stamp)
    except soundfile.LibsndfileError:
        return None


def _targets(
    sources: Iterable[str | Segment], data_folder: str | os.PathLike, audio: Path
) -> dict[str | Segment, Path]:
    targets = {file: audio / _name(file, data_folder) for file in sources}
    targets = {
        file: target.with_name(f"{target.stem}{_samples(file)}.flac")
        for file, target in targets.items()
    }
    first: dict[Path, str | Segment] = {}
    for file, target in targets.items():
        if (other := first.setdefault(target, file)) != file:
            raise UserError(f"{file} and {other} would both become {target}. Rename one.")
    return targets


def _samples(file: str | Segment) -> str:
    """What tells the segments of a file apart."""
    return f"-{file.start}-{file.stop or 'end'}" if isinstance(file, Segment) else ""


def _name(file: str | Segment, data_folder: str | os.PathLike) -> str:
    """The path from the corpus' root; of a file outside it, that from the file system's."""
    return relocatable(file, data_folder).removeprefix(ROOT).lstrip(os.sep)


def _trimmed(utterance: Utterance, file: TrimmedFile) -> Utterance:
    return dataclasses.replace(utterance, wav=file.path, duration=file.seconds)


def _write(
    parts: Mapping[str, Sequence[Utterance]], summary: Mapping[str, Any], root: Path
) -> dict[str, Path]:
    # Without its summary, a preparation that is interrupted from here on counts as not done.
    (root / SUMMARY_FILE).unlink(missing_ok=True)
    manifests = {part: root / f"{part}.csv" for part in parts}
    for part, rows in parts.items():
        write_manifest(manifests[part], rows, root)
    with open_atomic(root / SUMMARY_FILE) as file:
        json.dump(summary, file, indent=1)
    return manifests
