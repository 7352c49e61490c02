"""Pages about failures: each failure names tests that are there, and each test its failure."""

import re

import pytest

from tests.helpers.published import ROOT
from tests.unit.test_conformance_table import names_in

PAGE = (ROOT / "docs/topics/durability.md").read_text(encoding="utf-8")
NODES = (ROOT / "docs/topics/several-nodes.md").read_text(encoding="utf-8")
PROVOKED = (
    *sorted(f"e2e/faults/{file.name}" for file in (ROOT / "tests/e2e/faults").glob("test_*.py")),
    "long/test_faults.py",
)
"""Every test of these is about a failure."""

_TEST = re.compile(r"`([a-z0-9_/]+/test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)`")
_HEAD = "| failure |"


def _rows(page: str) -> list[list[str]]:
    table = page[page.index(_HEAD) :].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")[2:]]


@pytest.mark.parametrize(("page", "columns", "least"), [(PAGE, 6, 15), (NODES, 5, 10)])
def test_every_failure_has_a_row_with_a_test_that_is_there(
    page: str, columns: int, least: int
) -> None:
    """What is not provoked is not known."""
    rows = _rows(page)
    assert len(rows) >= least
    for row in rows:
        assert len(row) == columns, row
        named = [name.strip() for name in row[-1].split(",")]
        for name in named:
            found = _TEST.fullmatch(name)
            assert found is not None, name
            assert found[2] in names_in(ROOT / "tests" / found[1]), name


def test_every_failure_that_is_provoked_has_a_row() -> None:
    """A test that no row names is a failure that no operator is told of."""
    named = set(_TEST.findall(PAGE))
    provoked = {(file, name) for file in PROVOKED for name in names_in(ROOT / "tests" / file)}
    provoked = {(file, name) for file, name in provoked if name.startswith("test_")}
    assert provoked - named == set()
