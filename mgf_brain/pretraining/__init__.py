"""Training an encoder without labels: the run, its Brain, its card and its report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
