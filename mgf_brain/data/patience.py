"""Reading from disks that fail for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.errors import UserError

logger = logging.getLogger(__name__)

WAITS = (1.0, 3.0, 10.0)  # seconds before a file is tried again


class PatientReader:
    """A reader that tries again what it could not read: network disks come back.

    Once it has waited in vain, it waits for no other file until one could be read.

    Arguments
    ---------
    read : callable
        ``read(path, …)``; it raises a UserError.

    Example
    -------
    >>> def read(path):
    ...     return torch.zeros(9)
    >>> len(PatientReader(read)("a.wav"))
    9
    """

    def __init__(self, read: Callable[..., torch.Tensor]) -> None:
        self.read, self.in_vain = read, False

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """As of ``read``."""
        for wait in () if self.in_vain else WAITS:
            try:
                return self.read(*args, **kwargs)
            except UserError as error:
                logger.warning("%s Trying again in %g s.", error, wait)
                time.sleep(wait)
        self.in_vain = True
        wav = self.read(*args, **kwargs)
        self.in_vain = False
        return wav


read_patiently = PatientReader(read_audio)  # for what reads each file once
