"""What all tasks share: their run, their encoder, probes, fine-tuning, the model they leave."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
