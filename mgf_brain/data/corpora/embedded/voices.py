"""The speakers, moods and channels of the embedded corpus."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

PARTS = ("train-clean-100", "test-other")

# Variants without echo, which would fill the closures of plosives, and without eSpeak's `breath`,
# whose noise is not the same in every run.
VARIANTS = {
    ("train-clean-100", "M"): "m1 m4 m7 m8 Gene Jacky Mario Mike Alex antonio boris david ed "
    "kaukovalta marcelo max Nguyen zac croak",
    ("train-clean-100", "F"): "f1 Andrea Annie anika belinda steph shelby",
    ("test-other", "M"): "edward rob travis pedro Andy",
    ("test-other", "F"): "linda aunty grandma",
}


@dataclass(frozen=True)
class Mood:
    """Prosody of an utterance, relative to its speaker's.

    Arguments
    ---------
    rate : float
        Factor on the speaking rate.
    pitch : int
        Added to eSpeak's pitch setting (0 to 99).
    pitch_range : int
        eSpeak's range setting (0 to 99; 50 is the voice's own).
    gain : float
        Added to the level, in dB.

    Example
    -------
    >>> MOODS["sad"].rate < MOODS["excited"].rate
    True
    """

    rate: float
    pitch: int
    pitch_range: int
    gain: float


MOODS = {
    "calm": Mood(rate=0.95, pitch=0, pitch_range=40, gain=0.0),
    "excited": Mood(rate=1.15, pitch=14, pitch_range=85, gain=3.0),
    "sad": Mood(rate=0.8, pitch=-8, pitch_range=15, gain=-4.0),
    "angry": Mood(rate=1.1, pitch=2, pitch_range=65, gain=6.0),
}


@dataclass(frozen=True)
class Voice:
    """A speaker: an eSpeak variant with its own settings and its own channel.

    Arguments
    ---------
    speaker : int
        The speaker's number, above all of LibriSpeech's.
    part : str
        `train-clean-100` or `test-other`.
    sex : str
        `F` or `M`.
    variant : str
        eSpeak's name of the variant.
    rate : float
        Words per minute.
    pitch : int
        eSpeak's pitch setting.
    level : float
        Level of calm speech, root mean square in dB relative to full scale.
    snr : float
        Level of calm speech above the noise, in dB.
    tilt : float
        Coefficient of the first-order filter of the channel; positive brightens.

    Example
    -------
    >>> voices(seed=0)[0].part
    'train-clean-100'
    """

    speaker: int
    part: str
    sex: str
    variant: str
    rate: float
    pitch: int
    level: float
    snr: float
    tilt: float


def voices(seed: int = 0) -> list[Voice]:
    """The speakers, those to train first.

    Arguments
    ---------
    seed : int
        Seed of their settings and channels; variants and numbers do not depend on it.

    Returns
    -------
    list of Voice

    Example
    -------
    >>> [sum(v.part == part for v in voices()) for part in ("train-clean-100", "test-other")]
    [26, 8]
    """
    rng = random.Random(seed)
    names = [(part, sex, name) for (part, sex), line in VARIANTS.items() for name in line.split()]
    return [
        Voice(
            speaker=10001 + index,
            part=part,
            sex=sex,
            variant=name,
            rate=rng.uniform(145, 185),
            pitch=rng.randint(40, 60),
            level=rng.uniform(-31, -25),
            snr=rng.uniform(25, 45),
            tilt=rng.uniform(-0.4, 0.4),
        )
        for index, (part, sex, name) in enumerate(names)
    ]


def through_channel(
    wave: np.ndarray, voice: Voice, gain: float, rng: np.random.Generator
) -> np.ndarray:
    """Gives a wave its speaker's level, spectral tilt and noise.

    Arguments
    ---------
    wave : numpy.ndarray
        (samples,), not silent.
    voice : Voice
        The speaker.
    gain : float
        Added to the speaker's level, in dB; the noise stays where it is.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    numpy.ndarray
        (samples,), within ±0.98.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> speaker = voices()[0]
    >>> wave = through_channel(np.sin(np.arange(16000)), speaker, gain=6.0, rng=rng)
    >>> round(float(20 * np.log10(wave.std()) - speaker.level), 1)
    6.0
    """
    wave = _filtered([1.0, -voice.tilt], [1.0], wave)
    wave = _at_level(wave, voice.level + gain)
    noise = _filtered([1.0, voice.tilt], [1.0, -0.7], rng.standard_normal(len(wave)))
    wave = wave + _at_level(noise, voice.level - voice.snr)
    return wave / max(1.0, np.abs(wave).max() / 0.98)


def _filtered(above: list[float], below: list[float], wave: np.ndarray) -> np.ndarray:
    """Through the filter with these coefficients, numerator and denominator."""
    return lfilter(above, below, wave)  # pyright: ignore[reportReturnType]  # a tuple only with zi


def _at_level(wave: np.ndarray, level: float) -> np.ndarray:
    """Scaled to a root mean square in dB relative to full scale."""
    return wave * 10 ** (level / 20) / np.sqrt(np.mean(wave**2))
