"""``--readout``: which vector of an utterance the cosine compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speechbrain.utils.logger import get_logger

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.pooling import StandardisedStatistics

logger = get_logger(__name__)

EMBEDDING = "embedding"  # the model's own where it has one, else the statistics
STATISTICS = "statistics"  # the same for all models


def check_readout(hparams: Mapping[str, Any], encoder: Encoder) -> None:
    """Prepare an encoder for a run that tunes it: its statistics will be other ones.

    Raises
    ------
    UserError
        If these are what the run is to read.

    Example
    -------
    >>> from mgf_brain.nn import LogMelFeatures
    >>> check_readout({"adapt": "full", "readout": "statistics"}, LogMelFeatures())
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: readout: statistics are of a frozen encoder. Pass --adapt frozen.
    """
    if hparams["adapt"] == "frozen":
        return
    if hparams.get("readout") == STATISTICS:
        raise UserError("readout: statistics are of a frozen encoder. Pass --adapt frozen.")
    encoder.readout = StandardisedStatistics()


def choose_readout(extractor: FeatureExtractor, choice: str, train: Sequence[Utterance]) -> str:
    """Let a frozen encoder embed by the read-out that is asked for.

    Arguments
    ---------
    extractor : FeatureExtractor
        Its encoder's statistics are standardised by ``train`` if its folder does not say how.
    choice : str
        "embedding" or "statistics".
    train : sequence of Utterance
        May be empty.

    Returns
    -------
    str
        Which it is now: a model without an embedding of its own has the statistics alone.
    """
    encoder = extractor.encoder
    if choice == STATISTICS:
        encoder.embedding = None
    if train and not encoder.readout.fitted:
        extractor.fit_readout(train)
    if encoder.embedding is not None:
        return EMBEDDING
    if not encoder.readout.fitted:
        logger.info("There is no training speech: nothing standardises the statistics.")
    return STATISTICS
