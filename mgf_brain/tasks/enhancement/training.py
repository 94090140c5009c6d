"""TODO."""

from __future__ import annotations

from mgf_brain.features.extractor import FeatureExtractor


def head_sizes(extractor: FeatureExtractor) -> dict[str, int]:
    """Arguments of the yaml's ``head``.

    Example
    -------
    >>> from mgf_brain.nn import LogMelFeatures
    >>> head_sizes(FeatureExtractor(LogMelFeatures(), "fbank"))
    {'num_states': 1, 'dim': 80, 'hop': 160, 'window': 400}
    """
    return {name: getattr(extractor, name) for name in ("num_states", "dim", "hop", "window")}
