"""Long recordings in overlapping chunks, so that memory and time grow with their length alone.

Attention over an hour would take the square of its frames. A chunk is encoded as a recording of its
own, normalised by its own level and colour, as in training; of each overlap the first half comes
from the chunk before and the second from the one after. What is pooled, the colour too, is that of
all chunks. Against the whole, with an encoder pretrained for minutes: over 200 s of one speaker the
cosine is 0.986 or more for 95 % of the states of a layer, and 0.9999 for the embedding; where many
recordings were joined to one, 0.88 and 0.9996.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from mgf_brain.nn.pooling import joined_moments

CHUNK_SECONDS = 30.0  # longer than nearly all training utterances; attention grows by its square
OVERLAP_SECONDS = 6.0  # the 3 s on each side that are dropped hold a few words of context
WHOLE_SECONDS = 150.0  # up to here features are of the whole: VoxCeleb's longest utterance has 145


class Chunk(NamedTuple):
    """A piece of a file and the part of it that is kept, each from its first unit to the last."""

    start: int
    stop: int
    keep_from: int
    keep_to: int


def cut_chunks(count: int, size: int, overlap: int) -> list[Chunk]:
    """Cut so many units into overlapping chunks, of which half of each overlap is kept.

    Arguments
    ---------
    count : int
        Units of the file.
    size : int
        Units of a chunk; the last one may be shorter.
    overlap : int
        Units that neighbours share, less than ``size``.

    Returns
    -------
    list of Chunk
        The parts that are kept follow each other without a gap.

    Example
    -------
    >>> for chunk in cut_chunks(10, size=6, overlap=2):
    ...     print(*chunk)
    0 6 0 5
    4 10 5 10
    """
    chunks, half = [], overlap // 2
    for start in range(0, max(1, count - overlap), size - overlap):
        stop = min(start + size, count)
        keep_from = start + half if start else 0
        keep_to = stop - (overlap - half) if stop < count else count
        chunks.append(Chunk(start, stop, keep_from, keep_to))
    return chunks


def chunks_of(
    wavs: torch.Tensor, chunks: Iterable[Chunk], unit: int, margin: int
) -> Iterator[tuple[torch.Tensor, slice]]:
    """The samples of each chunk, and which of its units are kept.

    Arguments
    ---------
    wavs : torch.Tensor
        (B, N).
    chunks : iterable of Chunk
    unit : int
        Samples from one unit to the next.
    margin : int
        Samples that a unit reaches into the next one.

    Yields
    ------
    tuple of torch.Tensor and slice
        (B, samples of the chunk), and a part of its units.

    Example
    -------
    >>> for wavs, kept in chunks_of(torch.zeros(1, 4000), cut_chunks(10, 6, 2), 320, 80):
    ...     print(wavs.shape[1], kept)
    2000 slice(0, 5, None)
    2000 slice(1, 6, None)
    """
    bar = tqdm(chunks, desc="long recording", unit="chunk", leave=False, disable=None, delay=5.0)
    for start, stop, keep_from, keep_to in bar:  # where there is someone to see it
        kept = slice(keep_from - start, keep_to - start)
        yield wavs[:, start * unit : stop * unit + margin], kept


class Encoded(NamedTuple):
    """What an encoder made of a batch, or of a part of a recording."""

    states: list[torch.Tensor]  # L of (B, T, D)
    valid: torch.Tensor  # (B, T) bool, frames that count
    colour: torch.Tensor  # (B, C), see ``Frames``


Pool = Callable[[list[torch.Tensor], torch.Tensor], torch.Tensor]  # states, valid -> (B, ..., 2 F)
Join = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # of parts, their shares -> of all


def joined_states(parts: Sequence[Encoded]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """States of one recording from those of its parts: L of (B, T, D), and (B,) valid frames.

    The parts' own are let go layer by layer, so that there need not be memory for both.

    Example
    -------
    >>> lengths, colour = (3, 2), torch.zeros(1, 0)
    >>> parts = [Encoded([torch.ones(1, n, 4)], torch.ones(1, n).bool(), colour) for n in lengths]
    >>> states, frames = joined_states(parts)
    >>> states[0].shape, frames.tolist()
    (torch.Size([1, 5, 4]), [5])
    """
    valid = torch.cat([one.valid for one in parts], dim=1)
    if len(parts) == 1:
        return parts[0].states, valid.sum(1)
    layers = range(len(parts[0].states))
    return [torch.cat([one.states.pop(0) for one in parts], 1) for _ in layers], valid.sum(1)


def joined_pools(
    parts: Iterable[Encoded], pool: Pool, join_colours: Join
) -> tuple[torch.Tensor, torch.Tensor]:
    """One recording's mean and deviation over all frames from those of its parts, and its colour.

    Of ``mean_and_deviation`` they are what it would give for all frames at once; attention weighs
    the frames of a part against each other.

    Arguments
    ---------
    parts : iterable of Encoded
        One after another, so that there need not be memory for all.
    pool : callable
        ``pool(states, valid) -> (B, ..., 2 F)``, F means and then as many deviations.
    join_colours : callable
        ``FrontEnd.joined_colour``.

    Returns
    -------
    tuple of torch.Tensor
        (B, ..., 2 F) float32, and (B, C).

    Example
    -------
    >>> from mgf_brain.nn.pooling import mean_and_deviation
    >>> x, valid = torch.randn(1, 9, 4), torch.ones(1, 9).bool()
    >>> parts = [Encoded([x[:, i]], valid[:, i], torch.ones(1, 2)) for i in (slice(5), slice(5, 9))]
    >>> pool = lambda states, valid: mean_and_deviation(states[0], valid)
    >>> pooled, colour = joined_pools(parts, pool, joined_moments)
    >>> torch.allclose(pooled, mean_and_deviation(x, valid), atol=1e-6), colour.tolist()
    (True, [[1.0, 1.0]])
    """
    pools, colours, counts = zip(
        *((pool(one.states, one.valid), one.colour, one.valid.sum(1)) for one in parts), strict=True
    )
    if len(pools) == 1:
        return pools[0], colours[0]
    shares = torch.stack(counts).double()  # (parts, B)
    shares = shares / shares.sum(0)
    return joined_moments(torch.stack(pools), shares), join_colours(torch.stack(colours), shares)


def padded_rows(rows: Iterable[Sequence[torch.Tensor]]) -> list[torch.Tensor]:
    """States of rows that were encoded one by one, as those of a padded batch.

    Arguments
    ---------
    rows : iterable of sequence of torch.Tensor
        Of each row L of (1, T, D).

    Returns
    -------
    list of torch.Tensor
        L of (B, T, D), 0 at padding.

    Example
    -------
    >>> [x.shape for x in padded_rows([[torch.ones(1, 5, 4)], [torch.ones(1, 3, 4)]])]
    [torch.Size([2, 5, 4])]
    """
    return [pad_sequence([x[0] for x in layer], True) for layer in zip(*rows, strict=True)]


def each_row(
    wavs: torch.Tensor, lengths: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The rows of a padded batch as batches of their own, without padding.

    Example
    -------
    >>> rows = each_row(torch.zeros(2, 5), torch.tensor([5, 3]))
    >>> [(wavs.shape[1], lengths.tolist()) for wavs, lengths in rows]
    [(5, [5]), (3, [3])]
    """
    for wav, length in zip(wavs, lengths, strict=True):
        yield wav[None, : int(length)], length[None]
