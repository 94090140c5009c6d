"""What trains an encoder without labels: one file an objective, with its head and its figures.

``system.py`` joins objectives and encoder, ``base.py`` says what an objective is, ``parts`` holds
what several are made of. A yaml names what ``__init__.pyi`` lists ``mgf_brain.objectives.<Name>``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
