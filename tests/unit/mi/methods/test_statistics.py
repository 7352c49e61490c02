"""Counters by name."""

from typing import Any

import pytest

from tests.helpers.mi import error, result
from tests.helpers.operations import MemoryOperations


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["sip:requests"], {"sip:requests": 7}),
        (["requests"], {"sip:requests": 7}),
        (["presence:"], {"presence:notifies": 3, "presence:subscriptions": 0}),
        (["notifies", "sip:"], {"presence:notifies": 3, "sip:requests": 7}),
        (["all"], {"presence:notifies": 3, "presence:subscriptions": 0, "sip:requests": 7}),
    ],
)
async def test_statistics_are_found_by_name_and_group(names: Any, wanted: Any) -> None:
    """As in OpenSIPS."""
    assert await result(MemoryOperations(), "get_statistics", [names]) == wanted


async def test_unknown_statistic_is_told() -> None:
    """An empty answer would look like zero."""
    failed = await error(MemoryOperations(), "get_statistics", {"statistics": ["nonsense"]})
    assert failed["code"] == 404
    assert "`nonsense`" in failed["data"]


async def test_names_are_listed() -> None:
    """All, or those of a group."""
    assert len(await result(MemoryOperations(), "list_statistics")) == 3
    assert await result(MemoryOperations(), "list_statistics", [["sip:"]]) == ["sip:requests"]


async def test_reset_is_refused_and_says_why() -> None:
    """Saying OK and doing nothing would be a lie."""
    failed = await error(MemoryOperations(), "reset_statistics", [["sip:requests"]])
    assert failed["code"] == 501
    assert "compare two readings" in failed["data"]
