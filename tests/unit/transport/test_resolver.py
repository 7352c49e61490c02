"""Host names, by the machine's own resolver."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from dfks_rules.transport.resolver import MAX_LOOKUPS, Resolver


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """One, closed at the end."""
    one = Resolver()
    yield one
    one.close()


async def test_name_is_looked_up_in_the_family_of_the_socket(resolver: Resolver) -> None:
    """An IPv4 socket cannot send to an IPv6 address."""
    assert await resolver.resolve("localhost", 5060, socket.AF_INET) == ("127.0.0.1", 5060)
    assert await resolver.resolve("::1", 1, socket.AF_INET6) == ("::1", 1)


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", ".", "a\0b", "nobody.invalid"])
async def test_name_without_an_address_is_an_os_error(resolver: Resolver, name: str) -> None:
    """Whatever the peer wrote: a label that is empty or too long is a UnicodeError in Python."""
    with pytest.raises(OSError, match=r"."):
        await resolver.resolve(name, 5060, socket.AF_INET)


async def test_lookups_are_bounded(resolver: Resolver) -> None:
    """A flood of Contacts with dead names must not fill the memory; later ones work again."""
    lookups = (resolver.resolve("localhost", 1, socket.AF_INET) for _ in range(MAX_LOOKUPS + 5))
    found = await asyncio.gather(*lookups, return_exceptions=True)
    assert sum(isinstance(one, OSError) for one in found) == 5
    assert await resolver.resolve("localhost", 1, socket.AF_INET) == ("127.0.0.1", 1)
