"""What tests of the models that come with the package share."""

from __future__ import annotations

import pytest

from mgf_brain.folder.shipped import ENCODER, WEIGHTS

needs_weights = pytest.mark.skipif(
    not (WEIGHTS / ENCODER).is_dir(),
    reason="mgf_brain/weights/ is empty: python -m experiments.ship fills it",
)
