"""Counters."""

from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def test_statistics_are_those_of_mi() -> None:
    """Whoever has both compares them."""
    async with api(MemoryOperations()) as web:
        assert (await web.ask("GET", "/v1/statistics")).json["sip:requests"] == 7
