"""Tables with a header, as spreadsheets, pandas and SpeechBrain write them: a row a line."""

from __future__ import annotations

import csv
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from mgf_brain.errors import UserError
from mgf_brain.files import open_text

DELIMITERS = ",;\t"
# Fields parted by D, each in quotes or without any.
WHOLE_FIELDS = r'(?: *"(?:[^"]|"")*" *|[^"D]*)(?:D(?: *"(?:[^"]|"")*" *|[^"D]*))*'


def read_table(
    path: str | os.PathLike, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table; a line without anything in its fields is none.

    Arguments
    ---------
    path : str or os.PathLike
        UTF-8 text, its fields parted by commas, semicolons or tabs: by what shows most of the
        columns in the header. A field may stand in quotes, but not hold a line break: a quote that
        was left open would swallow all rows up to the next one.
    columns : sequence of str
        Those that the caller needs, whatever their case in the header.
    optional : sequence of str
        Those that it reads where they are there.

    Yields
    ------
    tuple of str and dict
        File and line for messages, and the row's fields by column, without outer spaces.

    Raises
    ------
    UserError
        If the file is not UTF-8, a column is missing or comes twice, or a line is no row, or one
        of another length than the header (with its number).

    Example
    -------
    >>> path = getfixture("tmp_path") / "task1.csv"
    >>> _ = path.write_text("id; Dx;\\nadrsdt1; Control;\\n;;\\n")
    >>> [row for _, row in read_table(path, ["ID", "Dx"])]
    [{'ID': 'adrsdt1', 'Dx': 'Control'}]
    """
    with open_text(path) as file:
        number, delimiter, header = _read_header(path, file, [*columns, *optional])
        if absent := [name for name in columns if name not in header]:
            raise UserError(
                f"{path} lacks the column {', '.join(absent)}. Its header is: "
                f"{', '.join(header) or 'empty'}."
            )
        read = {place: name for place, name in enumerate(header) if name in {*columns, *optional}}
        for row_number, cells in _rows(path, number + 1, file, delimiter):
            if len(cells) < len(header) or any(cells[len(header) :]):
                raise UserError(
                    f"{path} line {row_number}: the number of fields differs from the header's: "
                    f"{len(cells)}, not {len(header)}. Correct the line."
                )
            yield f"{path} line {row_number}", {n: cells[place] for place, n in read.items()}


def header_of(path: str | os.PathLike, columns: Sequence[str]) -> list[str]:
    """All columns of a table.

    Arguments
    ---------
    path, columns
        As of ``read_table``, but for columns that need not be there.

    Example
    -------
    >>> path = getfixture("tmp_path") / "moods.tsv"
    >>> _ = path.write_text("file\\tMood\\n")
    >>> header_of(path, ["file", "mood"])
    ['file', 'mood']
    """
    with open_text(path) as file:
        return _read_header(path, file, columns)[2]


def _read_header(
    path: str | os.PathLike, lines: Iterable[str], names: Sequence[str]
) -> tuple[int, str, list[str]]:
    """Its line's number, the delimiter, and the columns, those of ``names`` in their spelling."""
    number, line = next(((i, line) for i, line in enumerate(lines, 1) if line.strip()), (1, ""))
    spelling = {name.casefold(): name for name in names}

    def named(delimiter: str) -> int:
        """How many columns are found with it."""
        cells = line.replace('"', "").split(delimiter)
        return len(spelling.keys() & {cell.strip().casefold() for cell in cells})

    delimiter = max(DELIMITERS, key=named)
    _, cells = next(_rows(path, number, [line], delimiter), (number, []))
    while cells and not cells[-1]:
        cells.pop()
    header = [spelling.get(cell.casefold(), cell) for cell in cells]
    if twice := [name for name in names if header.count(name) > 1]:
        raise UserError(f"{path} has the column {twice[0]} twice. Rename one of them.")
    return number, delimiter, header


def _rows(
    path: str | os.PathLike, first: int, lines: Iterable[str], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line that holds something; ``first`` is the first one's number."""
    raw = deque[str](maxlen=1)  # the line that was read last
    noted = (raw.append(line) or line for line in lines)
    reader = csv.reader(noted, delimiter=delimiter, skipinitialspace=True, strict=True)
    whole = re.compile(WHOLE_FIELDS.replace("D", delimiter))
    number = first
    try:
        for cells in reader:
            if first + reader.line_num > number + 1:
                raise csv.Error("a quote opens here and closes on a later line")
            if '"' in raw[0] and not whole.fullmatch(raw[0].rstrip("\r\n")):
                raise csv.Error("a quote stands within a field that has none around it")
            cells = [cell.strip() for cell in cells]
            if any("\0" in cell for cell in cells):
                raise csv.Error("there is a NUL character")
            if any(cells):
                yield number, cells
            number += 1
    except csv.Error as error:
        raise UserError(
            f"{path} line {number}: no row of a table ({error}). Correct the line; a quote within "
            "quotes is written twice."
        ) from error
