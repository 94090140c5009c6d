"""How good enhanced speech is: SI-SDR, and STOI and PESQ where their packages are installed."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from speechbrain.utils.logger import get_logger

from mgf_brain.data.audio import SAMPLE_RATE

logger = get_logger(__name__)

TOO_SHORT = 1e-5  # what pystoi returns for less speech than its 384 ms

Measure = Callable[[np.ndarray, np.ndarray], float]  # clean, enhanced -> score


def si_sdr(enhanced: torch.Tensor, clean: torch.Tensor) -> float:
    """Scale-invariant signal-to-distortion ratio in dB.

    Le Roux et al. (2019), "SDR - half-baked or well done?", equation 3: what of the estimate is the
    clean signal at some level, over all else. Means are taken off first.

    Arguments
    ---------
    enhanced, clean : torch.Tensor
        (N,).

    Returns
    -------
    float
        Infinite for the clean signal itself; not a number where the clean signal is silent.

    Example
    -------
    >>> clean, noise = torch.tensor([1.0, -1.0, 1.0, -1.0]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    >>> round(si_sdr(clean + 0.1 * noise, clean), 3), round(si_sdr(5 * clean + noise, clean), 3)
    (20.0, 13.979)
    """
    estimate, reference = (x.double() - x.double().mean() for x in (enhanced, clean))
    target = estimate.dot(reference) / reference.dot(reference) * reference
    return float(10 * (target.square().sum() / (target - estimate).square().sum()).log10())


@functools.cache
def perceptual_measures() -> dict[str, Measure]:
    """STOI and PESQ, as far as they are installed; a warning names what is missing, once.

    Returns
    -------
    dict of str to callable
        ``measure(clean, enhanced)`` of (N,) at 16 kHz each; not a number where there is too
        little speech.

    Example
    -------
    >>> set(perceptual_measures()) <= {"stoi", "pesq"}
    True
    """
    found, missing = {}, []
    for name, load in (("stoi", _load_stoi), ("pesq", _load_pesq)):
        try:
            found[name] = load()
        except ImportError:
            missing.append(name)
    if missing:
        text = "%s: not measured, its package is missing. Run pip install mgf_brain[enhancement]."
        logger.warning(text, ", ".join(missing))
    return found


def _load_stoi() -> Measure:
    """Short-time objective intelligibility (Taal et al. 2011), in percent."""
    from pystoi import stoi  # pyright: ignore[reportMissingImports]  # an extra

    def measure(clean: np.ndarray, enhanced: np.ndarray) -> float:
        """0 to 100."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that the speech is too short
            score = float(stoi(clean, enhanced, SAMPLE_RATE))
        return math.nan if score == TOO_SHORT else 100.0 * score

    return measure


def _load_pesq() -> Measure:
    """Perceptual evaluation of speech quality, wide band (ITU-T P.862.2)."""
    from pesq import PesqError, pesq  # pyright: ignore[reportMissingImports]  # an extra

    def measure(clean: np.ndarray, enhanced: np.ndarray) -> float:
        """1.0 to 4.6, a mean opinion score."""
        try:
            return float(pesq(SAMPLE_RATE, clean, enhanced, "wb"))
        except PesqError:  # no speech, or less than 250 ms
            return math.nan

    return measure


def enhancement_scores(
    clean: torch.Tensor, noisy: torch.Tensor, enhanced: torch.Tensor
) -> dict[str, float]:
    """All scores of an utterance, and those of its noisy version.

    Arguments
    ---------
    clean, noisy, enhanced : torch.Tensor
        (N,) at 16 kHz.

    Returns
    -------
    dict of str to float
        ``si_sdr``, ``si_sdr_noisy``, ``si_sdr_improvement`` in dB, ``stoi`` and ``stoi_noisy`` in
        percent, ``pesq`` and ``pesq_noisy``.

    Example
    -------
    >>> clean, noise = torch.sin(torch.arange(16000.0)), torch.cos(torch.arange(16000.0))
    >>> scores = enhancement_scores(clean, clean + noise, clean + 0.1 * noise)
    >>> [round(value) for name, value in scores.items() if name.startswith("si_sdr")]
    [20, 0, 20]
    """
    after, before = si_sdr(enhanced, clean), si_sdr(noisy, clean)
    scores = {"si_sdr": after, "si_sdr_noisy": before, "si_sdr_improvement": after - before}
    for name, measure in perceptual_measures().items():
        scores[name] = measure(clean.numpy(), enhanced.numpy())
        scores[f"{name}_noisy"] = measure(clean.numpy(), noisy.numpy())
    return scores


def mean_scores(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each score over the utterances for which it is finite, if there are any.

    Example
    -------
    >>> mean_scores([{"si_sdr": 1.0, "pesq": math.nan}, {"si_sdr": 2.0, "pesq": math.nan}])
    {'si_sdr': 1.5}
    """
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    finite = {name: column[np.isfinite(column)] for name, column in columns.items()}
    return {name: float(column.mean()) for name, column in finite.items() if len(column)}
