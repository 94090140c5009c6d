"""Frozen features on disk, found by what they were computed from: the encoder and the audio.

A cache may be used by several runs at once and be deleted at any time. Nothing in it is trusted:
a damaged file counts as absent and is written anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mgf_brain.data.audio_files import Segment, bounds
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.folder.weights import as_bytes
from mgf_brain.nn.chunks import WHOLE_SECONDS

logger = logging.getLogger(__name__)
CHECKSUM = "crc32"  # safetensors notices a file cut short, but not a changed byte
SETTLED = 2 * 10**9  # ns; a file changed since might change again within the clock's resolution
SCANS = 10  # times that the folder is measured while the cache fills up once

Extract = Callable[[Sequence[Utterance]], Iterable[torch.Tensor]]
Cut = Callable[[Sequence[Utterance]], list[list[Utterance]]]


def default_root() -> Path:
    """``$MGF_BRAIN_CACHE``, else ``mgf_brain`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if folder := os.environ.get("MGF_BRAIN_CACHE"):
        return Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mgf_brain"


class FileHashes:
    """Hashes of the content of files, kept in an index by real path, size and time of change.

    Arguments
    ---------
    index : Path
        One JSON list a line; runs only ever append to it, and lines that make no sense are
        skipped, so that they may share it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a.wav").write_bytes(b"abc"), (folder / "b.wav").write_bytes(b"abc")
    >>> hashes = FileHashes(folder / "files.jsonl")
    >>> hashes(folder / "a.wav") == hashes(folder / "b.wav")
    True
    """

    def __init__(self, index: Path) -> None:
        self.index = index
        self.known: dict[tuple[str, int, int], str] = {}
        text = index.read_text(encoding="utf-8", errors="replace") if index.is_file() else ""
        for line in text.splitlines():
            with contextlib.suppress(ValueError, TypeError):  # a line that two runs mixed up
                path, size, changed, digest = json.loads(line)
                self.known[path, size, changed] = digest

    def __call__(self, path: str | os.PathLike) -> str:
        """32 hexadecimal digits, also of a part of a file; a UserError if there is no such file."""
        digest = self._of_file(path)
        if not isinstance(path, Segment):
            return digest
        return hashlib.blake2b(f"{digest} {bounds(path)}".encode(), digest_size=16).hexdigest()

    def of_all(self, paths: Iterable[str | os.PathLike]) -> list[str]:
        """Of many files, read on all cores."""
        with ThreadPoolExecutor() as pool:  # reading and hashing release the interpreter's lock
            return list(pool.map(self, paths))

    def _of_file(self, path: str | os.PathLike) -> str:
        try:
            status = os.stat(path)
        except OSError as error:
            raise UserError(f"{path}: there is no such file. Check the path.") from error
        key = (os.path.realpath(path), status.st_size, status.st_mtime_ns)
        if key in self.known:
            return self.known[key]
        digest = hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
        if time.time_ns() - status.st_mtime_ns > SETTLED:
            self._note(key, digest)
        return digest

    def _note(self, key: tuple[str, int, int], digest: str) -> None:
        self.known[key] = digest
        with contextlib.suppress(OSError), open(self.index, "a", encoding="utf-8") as file:
            file.write(json.dumps([*key, digest]) + "\n")


class FeatureCache:
    """Features of utterances by one encoder, ``<root>/<fingerprint>/<aa>/<hash>.safetensors``.

    When the limit is reached, files go that were not used for longest, of whichever encoder; those
    that this run has used stay, and what then finds no room is not stored: an epoch over more than
    fits would otherwise push itself out again and again.

    Arguments
    ---------
    root : str or os.PathLike, optional
        The folder of all caches; see ``default_root``.
    fingerprint : str
        See ``encoder_fingerprint``.
    limit_gb : float
        Of the root, in GB (10**9 bytes), all encoders together. Each run measures the folder anew
        after every tenth of it, so that runs side by side pass it by a tenth at most.

    Raises
    ------
    UserError
        If the folder cannot be made.

    Example
    -------
    >>> import soundfile
    >>> path = str(getfixture("tmp_path") / "a.wav")
    >>> soundfile.write(path, torch.zeros(160).numpy(), 16000)
    >>> cache = FeatureCache(getfixture("tmp_path") / "cache", "0f", limit_gb=1.0)
    >>> utterance = Utterance("a", 0.01, path, "anna")
    >>> print(cache.get(utterance))
    None
    >>> cache.put(utterance, torch.ones(2, 3))
    >>> cache.get(utterance)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """

    def __init__(
        self, root: str | os.PathLike | None, fingerprint: str, limit_gb: float = 20.0
    ) -> None:
        self.root = Path(root) if root else default_root()
        self.folder, self.limit = self.root / fingerprint, int(limit_gb * 1e9)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"feature cache {self.root}: {error.strerror}. Set MGF_BRAIN_CACHE to another "
                "folder, or switch the cache off."
            ) from error
        self.hashes = FileHashes(self.root / "files.jsonl")
        self.used: set[Path] = set()  # by this run
        self.room = 0  # bytes that may be written before the folder is measured again
        self.open = True  # for more

    def __contains__(self, utterance: Utterance) -> bool:
        """Whether there is a file for the utterance; only ``get`` knows if it is sound."""
        path = self._path(utterance)
        if known := path.is_file():
            self.used.add(path)  # what this run is about to read must not go to make room
        return known

    def get(self, utterance: Utterance) -> torch.Tensor | None:
        """The features that were stored, bit for bit; None if there are none, or damaged ones."""
        path = self._path(utterance)
        try:
            features = _load(path)
        # torch opens the file once more, and another run may have removed it by then: RuntimeError.
        except (OSError, RuntimeError, SafetensorError, KeyError, TypeError):
            return None
        if features is not None:
            self.used.add(path)
            with contextlib.suppress(OSError):  # evicted by another run, or a read-only folder
                os.utime(path)
        return features

    def put(self, utterance: Utterance, features: torch.Tensor) -> None:
        """Store features, whole or not at all; a full disk stops the storing, not the run."""
        if not self.open:
            return
        data = _serialise(features)
        try:
            if self._reserve(len(data)):
                self._write(self._path(utterance), data)
            else:
                self._close("is full. Raise its limit")
        except OSError as error:
            self._close(f"cannot be written to ({error.strerror}). Make room")

    def _path(self, utterance: Utterance) -> Path:
        digest = self.hashes(utterance.wav)
        chunks = "-chunks" if utterance.duration > WHOLE_SECONDS else ""  # once whole as well
        return self.folder / digest[:2] / f"{digest}{chunks}.safetensors"

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Named like the others, so that what a killed run leaves is evicted in its turn.
        temporary = path.with_name(f".{secrets.token_hex(8)}.safetensors")
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
            self.used.add(path)
        except FileNotFoundError:  # another run made room of it, or the cache was deleted
            pass
        finally:
            temporary.unlink(missing_ok=True)

    def _close(self, why: str) -> None:
        self.open = False
        logger.warning("feature cache %s %s; the rest is computed anew every time.", self.root, why)

    def _reserve(self, size: int) -> bool:
        """Make room for so many bytes; False if this run's own files leave none."""
        if size > self.room:
            total = self._evict(self.limit - size)
            self.room = min(self.limit - total, max(size, self.limit // SCANS))
        self.room -= size
        return self.room >= 0

    def _evict(self, allowed: int) -> int:
        """Remove the files not used for longest, if there is more than allowed; what is left.

        A tenth more than asked goes, so that this is rare. A reader that has a file open keeps it.
        """
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        if total > allowed:
            allowed -= self.limit // SCANS
        for _, size, path in entries:
            if total > allowed and path not in self.used:
                path.unlink(missing_ok=True)
                total -= size
        return total

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        """Time of the last use, size and path of every file, of all encoders."""
        for path in self.root.glob("*/??/*.safetensors"):
            with contextlib.suppress(FileNotFoundError):  # evicted by another run
                status = path.stat()
                yield status.st_mtime_ns, status.st_size, path


def one_by_one(utterances: Sequence[Utterance]) -> list[list[Utterance]]:
    """Batches of one.

    Example
    -------
    >>> one_by_one("ab")
    [['a'], ['b']]
    """
    return [[utterance] for utterance in utterances]


def cached(
    extract: Extract,
    utterances: Sequence[Utterance],
    cache: FeatureCache | None,
    cut: Cut = one_by_one,
) -> Iterator[torch.Tensor]:
    """Features of utterances, from the cache where it has them.

    An encoder pads neighbours to a batch, and with whom an utterance shares it shows in the last
    bits of its features. What comes back from the cache is what was computed first. A batch of
    which something is missing is computed whole, so that a run that was killed goes on to the
    same bits.

    Arguments
    ---------
    extract : callable
        ``extract(utterances)`` gives one tensor each, in their order, such as
        ``FeatureExtractor.states``. Called once, with all that the cache lacks; and again for an
        utterance whose file turns out to be damaged.
    utterances : sequence of Utterance
        Best sorted as ``extract`` likes them.
    cache : FeatureCache, optional
        None computes everything.
    cut : callable
        ``cut(utterances)`` gives the batches that ``extract`` makes of them.

    Yields
    ------
    torch.Tensor
        In the order of the utterances.

    Example
    -------
    >>> extract = lambda utterances: (torch.tensor([u.duration]) for u in utterances)
    >>> rows = [Utterance(id, d, f"{id}.wav", "s") for id, d in (("a", 2.0), ("b", 1.0))]
    >>> list(cached(extract, rows, None))
    [tensor([2.]), tensor([1.])]
    """
    if cache is None:
        yield from extract(utterances)
        return
    batches = cut(utterances)
    present = [[utterance in cache for utterance in batch] for batch in batches]
    partial = (batch for batch, known in zip(batches, present, strict=True) if not all(known))
    missing = [utterance for batch in partial for utterance in batch]
    computed = iter(extract(missing) if missing else ())
    for batch, known in zip(batches, present, strict=True):
        for utterance, is_known in zip(batch, known, strict=True):
            made = None if all(known) else next(computed)
            features = cache.get(utterance) if is_known else None
            if features is None:
                features = next(iter(extract([utterance]))) if made is None else made
                cache.put(utterance, features)
            yield features


def _serialise(features: torch.Tensor) -> bytes:
    features = features.detach().cpu().contiguous()
    metadata = {CHECKSUM: str(zlib.crc32(as_bytes(features)))}
    return save({"features": features}, metadata)


def _load(path: Path) -> torch.Tensor | None:
    """The tensor of a file, or None if a byte has changed."""
    with safe_open(path, "pt") as file:
        # In memory of its own: a process may map some 65,000 files only.
        features, expected = file.get_tensor("features").clone(), file.metadata()[CHECKSUM]
    return features if str(zlib.crc32(as_bytes(features))) == expected else None
