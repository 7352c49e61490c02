"""The options of `dfks phone`; tests/e2e/test_phone.py has the rest."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.cli.phone import Phone, _uri_of
from dfks_rules.cli.phone_wire import SecureConnection
from dfks_rules.sip.uri import aor_of
from dfks_rules.transport.certificates import Certificates
from tests.helpers.certificates import authority
from tests.helpers.transports import served


@pytest.mark.parametrize("server", ["host:", "host:x", "host:65536", "::1", "[::1", "", "a:b:5060"])
def test_a_server_that_is_none_is_told(server: str) -> None:
    """With what to write instead."""
    result = CliRunner().invoke(dfks, ["phone", "sip:alice@example.com", "--server", server])
    assert result.exit_code == 2
    assert f"Error: --server is HOST or HOST:PORT, not `{server}`" in result.output


@pytest.mark.parametrize("presentity", ["alice", "sip:example.com", "sip:", "a b@example.com", ""])
def test_a_presentity_that_is_none_is_told(presentity: str) -> None:
    """With what to write instead."""
    result = CliRunner().invoke(dfks, ["phone", presentity])
    assert result.exit_code == 2
    assert f"`{presentity}` is not a SIP address such as sip:alice@example.com" in result.output


@pytest.mark.parametrize("presentity", ["alice@example.com:5070", "sip:alice@example.com:5070"])
def test_a_presentity_may_leave_out_the_scheme(presentity: str) -> None:
    """As for all other commands."""
    uri = _uri_of(presentity)
    assert (uri.scheme, aor_of(uri).uri, uri.port) == (b"sip", "sip:alice@example.com", 5070)


async def test_a_lost_connection_is_not_taken_for_the_end_of_the_subscription(
    tmp_path: Path,
) -> None:
    """After a restart the server still has it."""
    certificates = Certificates(authority().served(tmp_path))
    async with served("tls:127.0.0.1", certificates=certificates) as server:
        cafile = str(authority().ca_file(tmp_path))
        wire = SecureConnection(("127.0.0.1", server.port), "localhost", cafile)
        phone = Phone("sip:alice@example.com", wire)
        await phone.open()
        await server.transports.close()
        async with asyncio.timeout(5):
            await phone.watch(3600)
    assert phone.why_over == "the connection to the server is lost; the subscription may go on"
