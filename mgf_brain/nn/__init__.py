"""All whose weights a model's folder can hold, and nothing that trains.

A yaml names these classes as ``mgf_brain.nn.<Class>``, whichever file of this folder holds them:
what ``__init__.pyi`` lists is public, and no move changes its name. Nothing is imported before it
is asked for.

Example
-------
>>> from mgf_brain.nn import LogMel, SpeechModel, TransformerEncoder
>>> SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64)).encoder.dim
32
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
