"""Damaged, hostile and unlucky inputs: a few in `make test`, thousands in `make soak`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SOAK = bool(os.environ.get("MGF_SOAK"))
HERE = Path(__file__).parent

slow_machines = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "test",
    max_examples=25,
    derandomize=True,  # the same inputs on every machine
    deadline=None,  # pytest-timeout ends what hangs
    database=None,
    suppress_health_check=slow_machines,
)
settings.register_profile(
    "soak", settings.get_profile("test"), max_examples=1000, derandomize=False
)
settings.load_profile("soak" if SOAK else "test")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """A time limit for each test here: 2 minutes, or half an hour in `make soak`."""
    for item in items:
        if HERE in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800 if SOAK else 120))
