"""Checks of values that a user chose, made by the classes that get them."""

from __future__ import annotations

from collections.abc import Sequence

from mgf_brain.errors import UserError


def check_share(key: str, value: float) -> None:
    """Raise a UserError if a value is no share or probability, from 0 to 1.

    Example
    -------
    >>> check_share("noise_probability", 0.5)
    >>> check_share("noise_probability", 3)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: noise_probability: 3 is no share. Give a number from 0 to 1.
    """
    if not 0 <= value <= 1:
        raise UserError(f"{key}: {value} is no share. Give a number from 0 to 1.")


def check_range(key: str, values: Sequence[float], lowest: float = float("-inf")) -> None:
    """Raise a UserError if values are not two numbers, the lowest of a range and its highest.

    Arguments
    ---------
    key : str
        What the user passed them as, for the message.
    values : sequence of float
    lowest : float
        That the range may begin with.

    Example
    -------
    >>> check_range("noise_snr", [10.0, 40.0])
    >>> check_range("noise_snr", [40.0])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: noise_snr: [40.0] is no range. Give lowest and highest value.
    """
    numbers = all(isinstance(value, (int, float)) for value in values)
    if not numbers or len(values) != 2 or not lowest <= values[0] <= values[1]:
        raise UserError(f"{key}: {list(values)} is no range. Give lowest and highest value.")
