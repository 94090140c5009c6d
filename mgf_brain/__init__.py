"""General-purpose self-supervised speech representations: recipes for SpeechBrain."""

import os

__version__ = "0.1.0"

# Large tensors in huge pages, which torch asks for only if told so (Linux): a step on waveforms
# spends much of its time on page faults otherwise. Read at the first large allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
