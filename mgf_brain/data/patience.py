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

    A file that it has waited for in vain it does not wait for again; nor, as long as none could be
    read since, for another.

    Arguments
    ---------
    read : callable
        ``read(path, …)``; it raises a UserError, or an OSError of the machine's.

    Example
    -------
    >>> def read(path):
    ...     return torch.zeros(9)
    >>> len(PatientReader(read)("a.wav"))
    9
    """

    def __init__(self, read: Callable[..., torch.Tensor]) -> None:
        self.read, self.in_vain = read, False
        self.lost: set[Any] = set()

    def __call__(self, path: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """As of ``read``."""
        for wait in () if self.in_vain or path in self.lost else WAITS:
            try:
                return self.read(path, *args, **kwargs)
            except (UserError, OSError) as error:
                logger.warning("%s. Trying again in %g s.", str(error).rstrip("."), wait)
                time.sleep(wait)
        self.in_vain = True
        self.lost.add(path)
        wav = self.read(path, *args, **kwargs)
        self.in_vain = False
        self.lost.discard(path)
        return wav


read_patiently = PatientReader(read_audio)  # for what reads each file once
