"""The one exception that users see as a message, and checks of values that raise it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ruamel.yaml.error import MarkedYAMLError


class UserError(Exception):
    """Something the user can mend: a path, a key, a list line, an audio file.

    The message names the file or key and says what to do; recipes print it on one line and
    leave with exit status 2.

    Example
    -------
    >>> raise UserError("data_folder does not exist: /corpus. Pass --data_folder <folder>.")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /corpus. Pass --data_folder <folder>.
    """


def run_main(main: Callable[[], None]) -> None:
    """Run a script's main function; a `UserError` becomes one line on stderr and exit status 2.

    Arguments
    ---------
    main : callable
        The script's main function, without arguments.

    Example
    -------
    >>> run_main(lambda: print("prepared"))
    prepared
    """
    try:
        main()
    except UserError as error:
        # A data loader's worker wraps the message in its traceback; the message comes last.
        line = str(error).strip().splitlines()[-1]
        print("error:", line.removeprefix(f"{__name__}.UserError: "), file=sys.stderr)
        sys.exit(2)


def one_line(error: Exception) -> str:
    """Put an error's message on one line, with the place where ruamel.yaml found it.

    Arguments
    ---------
    error : Exception
        Any error of reading yaml.

    Returns
    -------
    str
        Its message.

    Example
    -------
    >>> one_line(ValueError("first\\n  second"))
    'first second'
    """
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        place = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
        return f"not valid YAML ({error.problem}; {place})."
    return " ".join(str(error).split())


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
