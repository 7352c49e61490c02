"""python-opensips, on which opensips-cli and other tools stand, used as a library."""

import asyncio
from pathlib import Path

import pytest

from dfks_rules.mi.datagram import DatagramServer
from tests.helpers.mi import dispatcher

opensips_mi = pytest.importorskip("opensips.mi")


async def test_unix_datagrams_serve_python_opensips(tmp_path: Path) -> None:
    """opensips-cli has no option for a Unix socket, but the library below it does."""
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    client = opensips_mi.OpenSIPSMI("datagram", datagram_unix_socket=str(tmp_path / "sock"))
    params = ["sip:alice@10.0.0.11", "DoNotDisturb", "1"]
    assert await asyncio.to_thread(client.execute, "dfks_set_feature", params) == "OK"
    await server.close()
