"""Labels and tracks that are made before a training: clusters, speakers, pitch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
