"""The one exception that users see as a message, and checks of values that raise it."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence


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


def some(items: Sequence[str], shown: int = 5) -> str:
    """The first of many things, and how many more there are, for a message.

    Example
    -------
    >>> some(["a", "b"]), some(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(items[:shown]) + more


def printable(text: str) -> str:
    """A text in which all that steers a terminal or ends a line is escaped, and nothing else.

    Example
    -------
    >>> printable("caf\\udce9\\ta\\x1b[2J.wav")
    'caf\\\\udce9\\\\ta\\\\x1b[2J.wav'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


# What the machine, not the program, refuses, and what the user does then.
MACHINE_ERRORS = {
    errno.ENOSPC: "Make room and start again",
    errno.EDQUOT: "Make room and start again",
    errno.EFBIG: "Allow larger files (ulimit -f) and start again",
    errno.EROFS: "Name a folder that can be written",
    errno.EACCES: "Change its permissions, or name another",
    errno.EPERM: "Change its permissions, or name another",
    errno.EIO: "Check the disk and start again",
    errno.EMFILE: "Allow more open files (ulimit -n) and start again",
    errno.ENFILE: "Close other programs, or allow more open files (fs.file-max), and start again",
    errno.ENAMETOOLONG: "Name a shorter path",
    errno.ELOOP: "Mend the link",
    errno.ENOTDIR: "Name another path",
    errno.EISDIR: "Name a file",
    errno.EEXIST: "Name another path",
    errno.ESTALE: "Check the disk and start again",
}

BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells have it


def run_main(main: Callable[[], None]) -> None:
    """Run a script's main function; a `UserError` becomes one line on stderr and exit status 2.

    So does what the machine refuses: a full disk, a folder that can't be written, memory. A closed
    pipe ends it with 141 and without a word.

    Arguments
    ---------
    main : callable
        The script's main function, without arguments.

    Example
    -------
    >>> run_main(lambda: print("prepared"))
    prepared
    """
    logging.raiseExceptions = False  # a log that a full disk refuses makes no tracebacks
    try:
        _run(main)
    except BrokenPipeError:  # whoever reads, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


def _run(main: Callable[[], None]) -> None:
    try:
        main()
    except Exception as error:
        line = error if isinstance(error, UserError) else refusal(error)
        if line is None:
            raise
        print("error:", line, file=sys.stderr)
        sys.exit(2)
    finally:
        sys.stdout.flush()  # else a closed pipe shows behind our back


# What Python says of an OSError, which is all that a loader's worker passes on of it.
OS_ERROR = re.compile(r"Error: \[Errno (\d+)\] [^\n]*?(?:: '([^'\n]*)')?$")
# How libraries that write by themselves say that they could not, and for which reason.
RUST_ERROR = re.compile(r"\(os error (\d+)\)")  # of safetensors
NOT_WRITTEN = ("PytorchStreamWriter failed", "unexpected pos")  # of torch.save
NO_MEMORY = ("out of memory", "can't allocate memory")  # of torch: CUDA, CPU
WORKER = re.compile(r"DataLoader worker \(pid.*?\) (is killed by signal: \w+|exited unexpectedly)")


def refusal(error: BaseException) -> str | None:
    """What the machine refused, on one line; None of any other error.

    Arguments
    ---------
    error : BaseException
        An ``OSError``, or what a library made of one.

    Example
    -------
    >>> refusal(OSError(errno.ENOSPC, "No space left on device", "run/log.txt"))
    'run/log.txt: No space left on device. Make room and start again.'
    >>> refusal(RuntimeError("[enforce fail] . unexpected pos 576 vs 534"))
    'A file could not be written whole. Make room on the disk and start again.'
    >>> refusal(OSError(errno.ECONNRESET, "Connection reset by peer")) is None
    True
    """
    number, place = getattr(error, "errno", None), getattr(error, "filename", None)
    message = f"{error.__cause__ or ''} {error}"
    if worker := WORKER.search(message):
        return (
            f"A loader worker {worker[1]}: memory may be too small, or /dev/shm. Lower num_workers "
            "or batch_seconds, or raise the limit (Docker: --shm-size), and start again."
        )
    if any(sign in message for sign in NOT_WRITTEN):
        return "A file could not be written whole. Make room on the disk and start again."
    if isinstance(error, OSError) and (found := OS_ERROR.search(str(error).strip())):
        number, place = int(found[1]), found[2]
    if found := RUST_ERROR.search(message):
        number = int(found[1])
    if isinstance(error, MemoryError) or any(sign in message for sign in NO_MEMORY):
        return "Memory is too small. Lower batch_seconds or num_workers and start again."
    if number not in MACHINE_ERRORS:
        return None
    text = f"{place}: " if place else ""
    return plain(f"{text}{os.strerror(number)}. {MACHINE_ERRORS[number]}.")


def one_line(error: Exception) -> str:
    """Put an error's message on one line, with the place of a yaml file where it was found.

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
    if mark := getattr(error, "problem_mark", None):
        place = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
        return f"not valid YAML ({getattr(error, 'problem', '')}; {place})."
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
