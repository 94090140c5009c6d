"""From corpora to batches: preparation, manifests, audio, crops, sampling, the embedded corpus."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
