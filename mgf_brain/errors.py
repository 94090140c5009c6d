"""The one exception that users see as a message, and checks of values that raise it."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence

from ruamel.yaml.error import MarkedYAMLError


class UserError(Exception):
    """Something the user can mend: a path, a key, a list line, an audio file.

    The message names the file or key and says what to do; recipes print it on one line and
    leave with exit status 2. What it quotes of a file may be anything: see ``plain``.

    Example
    -------
    >>> raise UserError("data_folder does not exist: /corpus. Pass --data_folder <folder>.")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /corpus. Pass --data_folder <folder>.
    """

    def __init__(self, message: str) -> None:
        if message.startswith("Caught UserError in "):
            # A data loader's worker wraps the message in its traceback; the message comes last.
            message = message.strip().splitlines()[-1].removeprefix(f"{__name__}.UserError: ")
        super().__init__(plain(message))


LONGEST_MESSAGE = 900  # characters; a line of a foreign file may be as long as the file


def plain(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """One line that shows and never steers a terminal, whatever it quotes.

    Arguments
    ---------
    text : str
    longest : int
        Characters; of a longer one its middle is left out.

    Returns
    -------
    str

    Example
    -------
    >>> plain("names:\\n\\x1b[2Jb.wav")
    'names: \\\\x1b[2Jb.wav'
    >>> plain("cannot read " + 100 * "a", longest=30)
    'cannot read aaaaaa … aaaaaaaaa'
    """
    text = printable(" ".join(text.split()))
    if len(text) <= longest:
        return text
    end = longest // 3 - 1
    return f"{text[: longest - end - 3]} … {text[-end:]}"


def printable(text: str) -> str:
    """A text in which all that steers a terminal or ends a line is escaped, and nothing else.

    Example
    -------
    >>> printable("caf\udce9\ta\x1b[2J.wav")
    'caf\\udce9\\ta\\x1b[2J.wav'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


# What the machine, not the program, refuses, and what the user does then.
MACHINE_ERRORS = {
    errno.ENOSPC: "Make room and start again",
    errno.EDQUOT: "Make room and start again",
    errno.EROFS: "Name a folder that can be written",
    errno.EACCES: "Change its permissions, or name another",
    errno.EPERM: "Change its permissions, or name another",
    errno.EIO: "Check the disk and start again",
    errno.EMFILE: "Allow more open files (ulimit -n) and start again",
    errno.ENAMETOOLONG: "Name a shorter path",
    errno.ELOOP: "Mend the link",
    errno.ENOTDIR: "Name another path",
    errno.EISDIR: "Name a file",
    errno.EEXIST: "Name another path",
    errno.EFBIG: "Allow larger files (ulimit -f) and start again",
    errno.ESTALE: "Check the disk and start again",
}


def run_main(main: Callable[[], None]) -> None:
    """Run a script's main function; a `UserError` becomes one line on stderr and exit status 2.

    So does what the machine refuses: a full disk, a folder that can't be written.

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
        print("error:", error, file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in MACHINE_ERRORS:
            raise
        place = f"{error.filename}: " if error.filename else ""
        remedy = MACHINE_ERRORS[error.errno]
        print("error:", plain(f"{place}{error.strerror}. {remedy}."), file=sys.stderr)
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
