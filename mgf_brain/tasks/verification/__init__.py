"""Is it the same speaker? Trials, training with a margin, pseudo-labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
