"""The table of metrics."""

import re

import pytest

from dfks_rules.app.exposition.table import SECTIONS, TABLE, Family, Kind

_OF_PEOPLE = {"presentity", "watcher", "user", "aor", "source", "address", "call_id", "device"}

each_family = pytest.mark.parametrize("family", TABLE.values(), ids=lambda one: one.name)


@each_family
def test_name_is_as_prometheus_wants_it(family: Family) -> None:
    """Reference: https://prometheus.io/docs/practices/naming."""
    assert re.fullmatch(r"(dfks|process)_[a-z_]+", family.name)
    assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
    if family.kind is Kind.HISTOGRAM:
        assert family.name.endswith("_seconds")


@each_family
def test_no_label_names_anybody(family: Family) -> None:
    """Else there would be as many series as users, and a page that names them."""
    assert _OF_PEOPLE.isdisjoint(family.labels)
    assert "le" not in family.labels


@each_family
def test_help_is_one_sentence_or_more_in_one_line(family: Family) -> None:
    """It stands in a row of a table, too."""
    assert "\n" not in family.help
    assert "|" not in family.help
    assert family.help.endswith(".")
    assert family.help[0].isupper() or family.help[0].isdigit()


def test_no_name_is_there_twice() -> None:
    """A table by name would lose one of them."""
    assert len(TABLE) == sum(map(len, SECTIONS.values()))
