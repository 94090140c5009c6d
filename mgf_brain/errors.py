"""The one exception that users see as a message instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable


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
