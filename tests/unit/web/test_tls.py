"""HTTPS, and certificates that are renewed."""

import asyncio
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dfks_rules.errors import ConfigError
from dfks_rules.web.client import ApiClient, ApiError
from dfks_rules.web.tls import TlsFiles
from tests.helpers.certificates import Authority
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def _serial(url: str, trusting: ssl.SSLContext) -> str:
    """Serial number of the certificate that a new connection is shown."""
    host, _, port = url.removeprefix("https://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=trusting)
    shown = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return str(shown["serialNumber"])


async def test_requests_are_served_to_those_who_trust_the_certificate(tmp_path: Path) -> None:
    """And to nobody without TLS."""
    authority = Authority()
    files = TlsFiles(*authority.files(tmp_path, "127.0.0.1"))
    async with api(MemoryOperations(), tls=files) as web:
        assert web.url.startswith("https://127.0.0.1:")
        async with ApiClient(web.url, tls=authority.trusting()) as client:
            assert await client.ask("GET", "/healthz") == {"status": "ok"}
        for url in (web.url, f"http{web.url[5:]}"):
            async with ApiClient(url) as client:
                with pytest.raises(ApiError, match="cannot reach"):
                    await client.ask("GET", "/healthz")


async def test_a_renewed_certificate_is_shown_to_the_next_client(tmp_path: Path) -> None:
    """Between its two files, the one before is."""
    authority, others = Authority(), Authority()
    files = authority.files(tmp_path, "127.0.0.1")
    trusting = authority.trusting()
    async with api(MemoryOperations(), tls=TlsFiles(*files)) as web:
        first = await _serial(web.url, trusting)
        _, key = others.files(tmp_path, "127.0.0.1", stem="other")
        files[1].write_bytes(key.read_bytes())
        with capture_logs() as told:
            assert await _serial(web.url, trusting) == first
            assert await _serial(web.url, trusting) == first
        assert [one["event"] for one in told] == ["web_certificate_unusable"]
        authority.files(tmp_path, "127.0.0.1")
        assert await _serial(web.url, trusting) != first


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    """At the start, with its name."""
    certificate, key = Authority().files(tmp_path, "127.0.0.1")
    for pair in ((tmp_path / "nothing", key), (certificate, tmp_path / "nothing"), (key, key)):
        with pytest.raises(ConfigError, match=r"cannot be read|does not go with"):
            TlsFiles(*pair)
