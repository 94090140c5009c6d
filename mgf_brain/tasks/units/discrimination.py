"""ABX of a layer: the phones of utterances, what is compared, and the errors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mgf_brain.data.labels.phone_tokens import PhoneTokens, frames_within, phone_tokens
from mgf_brain.data.manifest import Utterance
from mgf_brain.metrics.abx import Tokens, Triples, draw_triples
from mgf_brain.metrics.dtw import Stretches, dtw_distances
from mgf_brain.metrics.intervals import pair_bootstrap

KINDS = {"abx_within": False, "abx_across": True}  # whether X is of another speaker


@dataclass(frozen=True)
class Comparisons:
    """What is compared in some utterances, whatever the encoder.

    Arguments
    ---------
    tokens : PhoneTokens
    triples : mapping of str to Triples
        By kind.
    """

    tokens: PhoneTokens
    triples: Mapping[str, Triples]


def choose_comparisons(
    utterances: Sequence[Utterance],
    labels: Mapping[str, torch.Tensor],
    left_out: Collection[int],
    span: str,
    most_tokens: int,
    most_speakers: int,
    seed: int,
) -> Comparisons:
    """What is compared: see ``phone_tokens`` and ``draw_triples``."""
    tokens = phone_tokens(utterances, labels, left_out, span)
    keys = Tokens(tokens.phone, tokens.context, tokens.speaker)
    limits = most_tokens, most_speakers, seed
    triples = {kind: draw_triples(keys, across, *limits) for kind, across in KINDS.items()}
    return Comparisons(tokens, triples)


def abx_errors(
    comparisons: Comparisons, states: Sequence[torch.Tensor], hop: int, window: int, device: str
) -> dict[str, np.ndarray]:
    """The errors of a layer, row by row of the triples of each kind.

    Arguments
    ---------
    comparisons : Comparisons
    states : sequence of torch.Tensor
        (T, D) of each utterance.
    hop, window : int
        Of the states, in samples.
    device : str
        Where distances are computed.

    Returns
    -------
    dict of str to numpy.ndarray
        (rows,) by kind.
    """
    tokens, counts = comparisons.tokens, np.array([len(x) for x in states])
    frames = counts[tokens.utterance]
    first, length = frames_within(tokens.start, tokens.stop, frames, hop, window)
    offsets = np.cumsum(counts) - counts
    rows = torch.cat(list(states)).to(device)
    stretches = Stretches(rows, offsets[tokens.utterance] + first, length)
    return {
        kind: triples.errors(dtw_distances(stretches, triples.pairs))
        for kind, triples in comparisons.triples.items()
    }


def abx_scores(comparisons: Comparisons, errors: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The error of each kind, in percent."""
    return {k: t.score(errors[k]) for k, t in comparisons.triples.items()}


def abx_interval(triples: Triples, errors: np.ndarray) -> tuple[float, float]:
    """95 % interval over speakers: (rows,) -> lower and upper end, in percent."""
    return pair_bootstrap(lambda weights: triples.score(errors, weights), triples.speakers)
