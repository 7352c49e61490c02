"""Rows of a file, a portion at a time."""

from pathlib import Path

import pytest

from dfks_rules.app.imports.reading import MAX_LINES, begin, portion
from dfks_rules.operations.rows import MAX_LINE, Format, Row

_HEAD = b"presentity,feature,status\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file."""
    return tmp_path / "f"


def _all(path: Path, of: Format, at_most: int) -> list[str]:
    """The users of all rows, or what is wrong with them."""
    found: list[str] = []
    position = begin(path, of)
    while True:
        reads, end = portion(path, of, position, at_most)
        found += [one.row.presentity.user if isinstance(one.row, Row) else one.row for one in reads]
        if end is None:
            return found
        assert all(one.end <= end for one in reads)
        position = end


@pytest.mark.parametrize("at_most", [1, 2, 100])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_rows_of_csv_are_the_same_however_many_are_read_at_once(
    path: Path, at_most: int, mark: bytes
) -> None:
    """A kill may come between any two of them."""
    path.write_bytes(
        mark
        + _HEAD.replace(b"\n", b"\r\n")
        + b'a@x,DoNotDisturb,on\r\n\r\n"b@x","DoNotDisturb",off\n\n'
        + b"c@x,DoNotDisturb\n"
        + b"\xff@x,DoNotDisturb,on\n"
        + b'd@x,DoNotDisturb,"o\nn"\n'
        + b"e@x,DoNotDisturb,1"
    )
    a, b, c, bad, d, e = _all(path, Format.CSV, at_most)
    assert (a, b, e) == ("a", "b", "e")
    assert "2 cells" in c
    assert "not UTF-8" in bad
    assert "neither `on` nor `off`" in d


def test_an_open_quote_takes_no_more_than_a_part_of_the_file(path: Path) -> None:
    """One mistake of a spreadsheet must not cost everything after it."""
    rows = b"".join(b"u%d@x,DoNotDisturb,on\n" % number for number in range(10_000))
    path.write_bytes(_HEAD + b'"a@x,DoNotDisturb,on\n' + rows)
    found = _all(path, Format.CSV, 500)
    assert "not CSV" in found[0]
    assert found[-1] == "u9999"
    assert len(found) > 3_000


def test_a_quote_that_is_open_at_the_end_is_told(path: Path) -> None:
    """The last row is not lost in silence."""
    path.write_bytes(_HEAD + b'a@x,DoNotDisturb,on\n"b@x,DoNotDisturb,on\n')
    a, b = _all(path, Format.CSV, 100)
    assert (a, "not CSV" in b) == ("a", True)


@pytest.mark.parametrize("at_most", [1, 100])
def test_rows_of_ndjson_are_the_same_however_many_are_read_at_once(
    path: Path, at_most: int
) -> None:
    """Empty lines are passed over; one that is too long is one row."""
    row = b'{"presentity": "%s@x", "feature": "DoNotDisturb", "status": "on"}'
    path.write_bytes(
        b"\n".join([row % b"a", b"", b"{" + b" " * 3 * MAX_LINE, row % b"b", b"[]", row % b"c"])
    )
    a, long, b, bad, c = _all(path, Format.NDJSON, at_most)
    assert (a, b, c) == ("a", "b", "c")
    assert "longer than" in long
    assert "not a JSON object" in bad


def test_a_long_last_line_is_one_row(path: Path) -> None:
    """It has no line end."""
    path.write_bytes(b"{" + b" " * 2 * MAX_LINE)
    assert len(_all(path, Format.NDJSON, 10)) == 1


def test_many_empty_lines_are_passed_over_in_portions(path: Path) -> None:
    """They cost time, too."""
    path.write_bytes(_HEAD + b"a@x,DoNotDisturb,on\n" + b"\n" * 3 * MAX_LINES)
    assert _all(path, Format.CSV, 10) == ["a"]
    assert portion(path, Format.CSV, 60, 10).reads == []


@pytest.mark.parametrize("content", [b"", b"\n\n", _HEAD, b"presentity\n", b"\xff\n", b'"\n'])
def test_a_file_without_columns_or_rows_cannot_be_imported(path: Path, content: bytes) -> None:
    """It is told at once, not in a report."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"row|column|line"):
        begin(path, Format.CSV)
