"""The page about conformance: each row says what is so, and names tests that are there."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.published import ROOT

PAGE = (ROOT / "docs/reference/conformance.md").read_text(encoding="utf-8")
DEMANDED = ("6665", "3261", "3263", "3581", "4320", "5626", "5923", "6026", "7616", "8760")
"""The RFCs of which every requirement that touches the server has its row."""
STATUSES = ("yes", "**deviation**", "not ours")
LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "—")

_HEADING = re.compile(r"## (?:RFC ([0-9]{4}): )?\S.*")
_SECTION = re.compile(r"§[0-9]+(?:\.[0-9]+)*")
_PLACE = re.compile(rf"(?:RFC [0-9]{{4}}(?: {_SECTION.pattern})?|{_SECTION.pattern})")
_TEST = re.compile(r"`([a-z0-9_/]+/test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)`")


class Row(NamedTuple):
    """A line of a table."""

    rfc: str
    """Number; empty in the last table, whose rows name theirs."""
    section: str
    level: str
    requirement: str
    status: str
    tests: str


def rows_of(page: str) -> list[Row | str]:
    """The rows of all tables of the page, and lines of tables that are none."""
    found: list[Row | str] = []
    rfc = ""
    for line in page.splitlines():
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            rfc = heading[1] or ""
        elif line.startswith("| ") and not line.startswith("| section "):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            found.append(Row(rfc, *cells) if len(cells) == 5 else line)
    return found


def problems_of(row: Row | str) -> list[str]:
    """What is wrong with a row, for people."""
    if isinstance(row, str):
        return [f"not five cells: {row}"]
    status, _, reason = row.status.partition(". ")
    is_ours = status != "not ours"
    named = [name.strip() for name in row.tests.split(",") if name.strip()]
    checks = [
        (status in STATUSES, "no such status"),
        (row.level in LEVELS, "no such level"),
        (bool(row.requirement), "has no requirement"),
        (status == "yes" or bool(reason), "gives no reason"),
        (all(_PLACE.fullmatch(place) for place in row.section.split(", ")), "malformed section"),
        (bool(row.rfc) or row.section.startswith("RFC "), "of no RFC"),
        (bool(named) == is_ours, "without a test" if is_ours else "tests what is not ours"),
    ]
    problems = [words for is_good, words in checks if not is_good]
    for name in named:
        test = _TEST.fullmatch(name)
        if test is None:
            problems.append(f"no name of a test: {name}")
        elif not _is_there(test[1], test[2]):
            problems.append(f"there is no {name}")
    return problems


def _is_there(file: str, name: str) -> bool:
    return any(name in names_in(folder / file) for folder in (ROOT / "tests/unit", ROOT / "tests"))


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of the tests of a file, without running it; none where there is no such file."""
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


@pytest.mark.parametrize("rfc", DEMANDED)
def test_each_row_of_an_rfc_is_whole_and_its_tests_are_there(rfc: str) -> None:
    """Whoever renames a test renames it in the page."""
    rows = [row for row in rows_of(PAGE) if isinstance(row, str) or row.rfc == rfc]
    assert len(rows) >= 4
    assert [(row[1], problem) for row in rows for problem in problems_of(row)] == []


def test_rows_of_other_rfcs_are_whole_too() -> None:
    """What nobody demanded is said as exactly."""
    rows = [row for row in rows_of(PAGE) if isinstance(row, str) or row.rfc not in DEMANDED]
    assert [(row[1], problem) for row in rows for problem in problems_of(row)] == []


def test_rows_stand_in_the_order_of_their_sections() -> None:
    """Readers come with an RFC in the other hand."""
    places = [
        (row.rfc, [int(number) for number in found[0][1:].split(".")])
        for row in rows_of(PAGE)
        if isinstance(row, Row) and row.rfc and (found := _SECTION.match(row.section))
    ]
    assert [two for two in pairwise(places) if two[0][0] == two[1][0] and two[0] > two[1]] == []


def test_no_row_stands_twice() -> None:
    """The second one would say something else some day."""
    rows = [
        (row.rfc, row.section, row.requirement) for row in rows_of(PAGE) if isinstance(row, Row)
    ]
    assert len(rows) == len(set(rows))


def test_tests_that_are_named_beside_the_tables_are_there() -> None:
    """A row that is not ours may name one in its reason."""
    assert [found for found in _TEST.findall(PAGE) if not _is_there(*found)] == []


_GOOD = Row("3261", "§8.2.1, §21.4.6", "MUST NOT", "Something.", "yes. More.", "")
_HERE = "`sip/test_via.py::test_malformed_via_is_none`"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (_GOOD._replace(tests=_HERE), None),
        (_GOOD._replace(status="yes", tests=f"{_HERE}, {_HERE}"), None),
        (_GOOD._replace(status="not ours. No proxy."), None),
        (_GOOD._replace(section="RFC 3325 §8", rfc="", tests=_HERE), None),
        ("| §1 | MUST | a | yes |", "not five cells: | §1 | MUST | a | yes |"),
        (_GOOD, "without a test"),
        (_GOOD._replace(status="maybe. X.", tests=_HERE), "no such status"),
        (_GOOD._replace(status="deviation. X.", tests=_HERE), "no such status"),
        (_GOOD._replace(status="**deviation**", tests=_HERE), "gives no reason"),
        (_GOOD._replace(status="not ours"), "gives no reason"),
        (_GOOD._replace(status="not ours. X.", tests=_HERE), "tests what is not ours"),
        (_GOOD._replace(level="must", tests=_HERE), "no such level"),
        (_GOOD._replace(section="8.2.1", tests=_HERE), "malformed section"),
        (_GOOD._replace(section="§8.2.", tests=_HERE), "malformed section"),
        (_GOOD._replace(section="§8..2", tests=_HERE), "malformed section"),
        (_GOOD._replace(rfc="", tests=_HERE), "of no RFC"),
        (_GOOD._replace(requirement="", tests=_HERE), "has no requirement"),
        (_GOOD._replace(tests="by hand"), "no name of a test: by hand"),
        (
            _GOOD._replace(tests="`sip/test_via.py::test_x`"),
            "there is no `sip/test_via.py::test_x`",
        ),
        (_GOOD._replace(tests="`sip/test_x.py::test_x`"), "there is no `sip/test_x.py::test_x`"),
    ],
    ids=str,
)
def test_a_broken_row_is_complained_of(row: Row | str, problem: str | None) -> None:
    """A check that never complains checks nothing."""
    assert problems_of(row) == ([] if problem is None else [problem])


def test_a_line_of_a_table_is_read_as_a_row() -> None:
    """Those that are none are kept, to be complained of."""
    page = (
        "# Page\n\n## RFC 3261: SIP\n\n| section | level | requirement | status | tests |\n"
        "|---|---|---|---|---|\n| §1 | MUST | a | yes |  |\n| §2 | b |\n\n## Others\n\n"
        "| RFC 1 | — | c | yes | d |\n"
    )
    assert rows_of(page) == [
        Row("3261", "§1", "MUST", "a", "yes", ""),
        "| §2 | b |",
        Row("", "RFC 1", "—", "c", "yes", "d"),
    ]
