"""The ways from a phone to the server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.long.phones.proxies import KAMAILIO, OPENSIPS, behind
from tests.long.phones.sites import Site, alone, digest

WAYS: dict[str, Callable[[Path], AbstractContextManager[Site]]] = {
    "open": lambda folder: alone(folder, {}),
    "md5": lambda folder: alone(folder, digest(folder, ["MD5"], ["MD5", "SHA-256"])),
    # A phone that answers by MD5 does not get in.
    "sha256": lambda folder: alone(folder, digest(folder, ["SHA-256", "MD5"], ["SHA-256"])),
    # Both: who knows MD5 only is offered no other by its profile.
    "both": lambda folder: alone(folder, digest(folder, ["SHA-256", "MD5"], ["MD5", "SHA-256"])),
    "kamailio": partial(behind, KAMAILIO),
    "opensips": partial(behind, OPENSIPS),
}
"""By whom the phone is authenticated, and how; proxies do it by MD5."""


@pytest.fixture(params=["udp", "tcp", "tls"])
def transport(request: pytest.FixtureRequest) -> str:
    """What the phone speaks."""
    return str(request.param)


@pytest.fixture(params=WAYS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server for each test: what it counts is what the phones of that test caused."""
    with WAYS[request.param](tmp_path) as running:
        yield running
