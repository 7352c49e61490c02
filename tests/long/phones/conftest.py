"""The ways from a phone to the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.long.phones.sites import Site, alone, behind_kamailio


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    """What the phone speaks."""
    return str(request.param)


@pytest.fixture(params=["alone", "behind-kamailio-udp", "behind-kamailio-tcp"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server for each test: what it counts is what the phones of that test caused."""
    way = str(request.param)
    with alone(tmp_path) if way == "alone" else behind_kamailio(tmp_path, way[-3:]) as running:
        yield running
