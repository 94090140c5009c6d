"""General-purpose self-supervised speech representations: recipes for SpeechBrain.

Example
-------
>>> from mgf_brain import SpeechEncoder  # imported once it is asked for, as all that is listed here
>>> SpeechEncoder.__module__
'mgf_brain.inference.encoder'
"""

import os
from typing import Any

import lazy_loader

__version__ = "0.1.0"

# Large tensors in huge pages, which torch asks for only if told so (Linux): a step on waveforms
# spends much of its time on page faults otherwise. Read at the first large allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

_listed, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """What ``__init__.pyi`` lists, and the modules that folders of version 0.1.0 name."""
    try:
        return _listed(name)
    except AttributeError:
        from mgf_brain.public_names import OlderModule

        return OlderModule(f"{__name__}.{name}")
