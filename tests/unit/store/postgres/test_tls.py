"""TLS to a real PostgreSQL, as the URL of the store has it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store.postgres.connection import Connection
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.certificates import Authority, authority
from tests.helpers.postgres import Cluster, needs_postgres

pytestmark = needs_postgres

IS_SECURE = "SELECT ssl AS is_secure FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One that takes nothing but TLS, with a certificate for its address."""
    one = Cluster()
    try:
        one.show(*authority().files(tmp_path_factory.mktemp("tls"), "127.0.0.1"))
        one.start()
        yield one
    finally:
        one.remove()


@asynccontextmanager
async def _line(url: str) -> AsyncIterator[Connection]:
    line = Connection(url, "tls")
    try:
        yield line
    finally:
        await line.close()


async def _is_secure(url: str) -> bool:
    async with _line(url) as line:
        return bool((await line.row(IS_SECURE))["is_secure"])


async def test_the_server_is_proved_where_the_url_says_so(server: Cluster, tmp_path: Path) -> None:
    """By an authority in a file, and by the name in the URL."""
    ca = quote(str(authority().ca_file(tmp_path)))
    assert await _is_secure(f"{server.url()}?sslmode=verify-full&sslrootcert={ca}")
    named = server.url().replace("127.0.0.1", "localhost")
    with pytest.raises(StoreError, match=r"doesn't match|not valid for|mismatch"):
        await _is_secure(f"{named}?sslmode=verify-full&sslrootcert={ca}")
    assert await _is_secure(f"{named}?sslmode=verify-ca&sslrootcert={ca}")


async def test_a_server_that_somebody_else_vouches_for_is_refused(
    server: Cluster, tmp_path: Path
) -> None:
    """It may be anybody."""
    ca = quote(str(Authority().ca_file(tmp_path)))
    with pytest.raises(StoreError, match="certificate verify failed") as caught:
        await _is_secure(f"{server.url()}?sslmode=verify-full&sslrootcert={ca}")
    assert caught.value.code == "store_unavailable"


@pytest.mark.parametrize("query", ["", "?sslmode=prefer", "?sslmode=require"])
async def test_tls_is_used_where_there_is_any(server: Cluster, query: str) -> None:
    """Also where the URL says nothing; then nobody is proved."""
    assert await _is_secure(server.url() + query)


async def test_without_tls_a_server_that_wants_it_refuses(server: Cluster) -> None:
    """And says why."""
    with pytest.raises(StoreError, match=r"no pg_hba.conf entry .* no encryption"):
        await _is_secure(f"{server.url()}?sslmode=disable")


@pytest.mark.parametrize("query", ["sslmode=sometimes", "sslmode=verify-full&sslrootcert=/no/file"])
async def test_a_url_that_asks_for_what_there_is_not_is_an_error(
    server: Cluster, query: str
) -> None:
    """No connection is made."""
    with pytest.raises(StoreError) as caught:
        await _is_secure(f"{server.url()}?{query}")
    assert caught.value.code == "store_unavailable"


async def test_a_node_lives_over_tls(server: Cluster, tmp_path: Path) -> None:
    """Its tables are made over it, too."""
    ca = quote(str(authority().ca_file(tmp_path)))
    url = f"{server.url(server.create())}?sslmode=verify-full&sslrootcert={ca}"
    await migrate(url)
    engine = PostgresEngine(url, "node-1")
    try:
        await engine.check()
        epoch = (await engine.join("node-1", "0.1.0", 60.0)).epoch
        assert [one.epoch for one in await engine.nodes()] == [epoch]
    finally:
        await engine.close()
