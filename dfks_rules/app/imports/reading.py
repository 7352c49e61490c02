"""Rows of a file, a portion at a time, from any place on."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dfks_rules.operations.rows import (
    MAX_LINE,
    Format,
    Row,
    columns_of,
    row_of_cells,
    row_of_json,
)
from dfks_rules.phrases.phrase import phrase

_BOM = b"\xef\xbb\xbf"


MAX_LINES = 1_000
"""Most lines that are read at once, empty ones included."""


class Read(NamedTuple):
    """One row of a file, and where the next begins."""

    row: Row | str
    """Or what is wrong with it."""
    end: int
    """Bytes of the file up to its end."""


class Portion(NamedTuple):
    """Some rows of a file."""

    reads: list[Read]
    """Without empty lines; there may be none."""
    end: int | None
    """Where the next portion begins; None: the file has ended."""


def begin(path: Path, of: Format) -> int:
    """Where the rows of a file begin.

    Raises:
        ValueError: the first line of a CSV file does not name its columns, or there is no row.
        OSError: it cannot be read.
    """
    if not portion(path, of, 0, 1).reads:
        raise ValueError(phrase("there are no rows"))
    with path.open("rb") as file:
        return _after_head(file, of)[1]


def portion(path: Path, of: Format, position: int, at_most: int) -> Portion:
    """The next rows.

    Raises:
        ValueError: as `begin`.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        columns, start = _after_head(file, of)
        position = max(position, start)
        file.seek(position)
        rows = _of_json(file, position) if of is Format.NDJSON else _of_csv(file, position, columns)
        found: list[Read] = []
        end = None
        for read in islice(rows, MAX_LINES):
            if isinstance(read, int):
                end = read
                continue
            end = read.end
            found.append(read)
            if len(found) == at_most:
                break
        return Portion(found, end)


def _after_head(file: BinaryIO, of: Format) -> tuple[tuple[str, ...], int]:
    """The columns, and where rows begin."""
    bom = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
    file.seek(bom)
    if of is Format.NDJSON:
        return (), bom
    line = file.readline(MAX_LINE)
    try:
        return columns_of(line.decode().rstrip("\r\n")), bom + len(line)
    except UnicodeDecodeError as error:
        raise ValueError(phrase("the first line is not UTF-8")) from error
    except csv.Error as error:
        message = phrase("the first line is not CSV: {error}", error=error)
        raise ValueError(message) from error


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines; of one that is too long, pieces without a line end."""
    while line := file.readline(MAX_LINE):
        yield line


def _of_json(file: BinaryIO, position: int) -> Iterator[Read | int]:
    """Rows, and where lines end that are empty."""
    is_long = False
    for line in _lines(file):
        position += len(line)
        is_whole = line.endswith(b"\n")
        if is_long or (not is_whole and len(line) == MAX_LINE):
            # The rest of a line that is too long tells no row of its own.
            is_long = not is_whole
            if not is_long:
                yield Read(_too_long(), position)
        else:
            yield Read(_parsed(line), position) if line.strip() else position
    if is_long:
        yield Read(_too_long(), position)


def _parsed(line: bytes) -> Row | str:
    try:
        return row_of_json(line)
    except ValueError as error:
        return str(error)


class _Texts:
    """The lines of a file as text, and how far they have been read."""

    def __init__(self, file: BinaryIO, position: int) -> None:
        self._file = file
        self.position = position
        self.is_unreadable = False
        """Whether a line since the last look was not UTF-8, or too long."""

    def __iter__(self) -> Iterator[str]:
        for line in _lines(self._file):
            self.position += len(line)
            if len(line) == MAX_LINE and not line.endswith(b"\n"):
                self.is_unreadable = True
            try:
                yield line.decode()
            except UnicodeDecodeError:
                self.is_unreadable = True
                yield line.decode(errors="replace")


def _of_csv(file: BinaryIO, position: int, columns: tuple[str, ...]) -> Iterator[Read | int]:
    texts = _Texts(file, position)
    while True:
        reader = csv.reader(iter(texts), strict=True)
        try:
            for cells in reader:
                unreadable, texts.is_unreadable = texts.is_unreadable, False
                if unreadable:
                    yield Read(
                        phrase(
                            "not UTF-8, or a line of more than {max_line} bytes", max_line=MAX_LINE
                        ),
                        texts.position,
                    )
                elif any(cell.strip() for cell in cells):
                    yield Read(_of_cells(columns, cells), texts.position)
                else:
                    yield texts.position
            return
        except csv.Error as error:
            # The next line begins anew: one open quote must not take the rest of the file.
            texts.is_unreadable = False
            yield Read(phrase("not CSV: {error}", error=error), texts.position)


def _of_cells(columns: tuple[str, ...], cells: list[str]) -> Row | str:
    try:
        return row_of_cells(columns, cells)
    except ValueError as error:
        return str(error)


def _too_long() -> str:
    return phrase("longer than {max_line} bytes", max_line=MAX_LINE)
