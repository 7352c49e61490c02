"""Connections that end are gone at once, without the collector of cycles."""

import asyncio
import gc
import socket
from collections.abc import Iterator

import pytest

from dfks_rules.transport.cycles import break_cycle
from tests.helpers.transports import REQUEST, RESPONSE, served, until


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    """In a server it looks at what is new only."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _transports() -> int:
    return sum(type(one).__name__ == "_SelectorSocketTransport" for one in gc.get_objects())


async def test_a_connection_of_a_phone_leaves_nothing_behind() -> None:
    """It may have lived for days."""
    before = _transports()
    async with served("tcp:127.0.0.1") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as phone:
            phone.sendall(REQUEST)
            _, flow = await server.next()
            server.send(flow, RESPONSE)
            assert _transports() == before + 1
        await until(lambda: server.count("connections_open") == 0)
        await until(lambda: _transports() == before)


def test_a_transport_without_such_a_cycle_stays_as_it_is() -> None:
    """Those of other loops are objects of C."""
    break_cycle(asyncio.BaseTransport())
