"""The reference page of metrics."""

from dfks_rules.app.exposition.page import page
from dfks_rules.app.exposition.table import TABLE
from tests.helpers.published import ROOT


def test_reference_says_what_the_table_says() -> None:
    """`python -m dfks_rules.app.exposition.page` writes it anew."""
    assert (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8") == page()


def test_every_metric_has_a_row() -> None:
    """Whoever sees a name on a dashboard looks it up there."""
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(TABLE)
