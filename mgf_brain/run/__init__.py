"""A recipe's run: its command line and yaml files, its folder, its log, its training."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
