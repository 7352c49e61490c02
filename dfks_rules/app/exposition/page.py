"""docs/reference/metrics.md, made of the table: `python -m dfks_rules.app.exposition.page`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from dfks_rules.app.exposition.table import SECTIONS, Family

PAGE = Path(__file__).parents[3] / "docs/reference/metrics.md"

_HEAD = """\
# Metrics

What `GET /metrics` tells Prometheus. Names and labels stay: dashboards and alerts are made of
them. How to scrape them, a dashboard and alerts are in [monitor](../howto/monitor.md).

No label names a user, a phone or an address, so the number of series does not grow with them.
Counters and histograms begin at 0 when the server starts. A metric is left out where there is
nothing to tell: a store in memory has no disk.

Where the Accept header asks for OpenMetrics, as Prometheus does, the durations of requests and the
denials have exemplars: `decision` is the id of the last decision in that bucket or series, for
`dfks policy explain --decision`.

<!-- Made of app/exposition/table.py: `python -m dfks_rules.app.exposition.page` writes it anew. -->
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    for heading, families in SECTIONS.items():
        yield f"\n## {heading}\n\n| metric | type | labels | |\n|---|---|---|---|\n"
        yield from map(_row, families)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind.value} | {labels} | {family.help} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
