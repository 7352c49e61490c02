"""The nodes that share a store, as operators see them."""

import pytest

from dfks_rules.operations.cluster import NodeRow, is_living, node_told
from tests.helpers.memory_cluster import ENDED, OTHER, THIS


@pytest.mark.parametrize(("row", "is_alive"), [(THIS, True), (OTHER, True), (ENDED, False)])
def test_who_is_late_lives(row: NodeRow, is_alive: bool) -> None:
    """Until somebody buries it, it may come back."""
    assert is_living(row) is is_alive


def test_figures_are_told_to_the_millisecond() -> None:
    """More than that is noise."""
    told = node_told(THIS._replace(lease=1.23456, skew=-0.00123))
    assert (told["name"], told["isThis"]) == ("node-1", True)
    assert (told["lease"], told["skew"]) == (1.235, -0.001)
