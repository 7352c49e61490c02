"""The nodes that share a store, as operators see them."""

import json

import pytest

from dfks_rules.operations.cluster import NAME_AT_MOST, NodeRow, is_living, node_told
from tests.helpers.memory_cluster import ENDED, OTHER, THIS
from tests.helpers.published import ROOT


@pytest.mark.parametrize(("row", "is_alive"), [(THIS, True), (OTHER, True), (ENDED, False)])
def test_who_is_late_lives(row: NodeRow, is_alive: bool) -> None:
    """Until somebody buries it, it may come back."""
    assert is_living(row) is is_alive


def test_figures_are_told_to_the_millisecond() -> None:
    """More than that is noise."""
    told = node_told(THIS._replace(lease=1.23456, skew=-0.00123))
    assert (told["name"], told["isThis"]) == ("node-1", True)
    assert (told["lease"], told["skew"]) == (1.235, -0.001)


def test_doors_take_every_name_that_the_settings_take() -> None:
    """And none that no node can have."""
    schema = json.loads((ROOT / "schemas/config.schema.json").read_text("utf-8"))
    name = schema["properties"]["cluster"]["properties"]["name"]
    assert name["maxLength"] == NAME_AT_MOST
