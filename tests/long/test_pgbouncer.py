"""Two nodes that reach PostgreSQL by PgBouncer only, as docs/howto/several-nodes.md has it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.helpers.fleet import Fleet, Roamer, happens
from tests.helpers.postgres import Cluster, cluster, needs_pgbouncer, needs_postgres, pgbouncer
from tests.helpers.ua import dnd

pytestmark = [
    *(pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)),
    *(needs_postgres, needs_pgbouncer),
]

DND = "DoNotDisturb"
POOL = 16
"""Server connections: as many as two nodes open."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with cluster() as server:
        yield server


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_nodes_behind_a_pooler_are_one_server(mode: str, tmp_path: Path, engine: Cluster) -> None:
    """They tell each other's watchers, take over, and outlive the pooler."""
    name = engine.create()
    with ExitStack() as pooler, closing(Fleet(tmp_path, engine.url(name), 2)) as nodes:
        port = pooler.enter_context(pgbouncer(engine, POOL, mode))
        for node in nodes.nodes:
            node.goes_by(f"postgresql://postgres@127.0.0.1:{port}/{name}")
        nodes.be_whole()
        one, other = nodes.nodes
        with Roamer(one) as phone, Roamer(other, phone.aor) as watcher:
            phone.subscribe()
            watcher.subscribe()
            assert phone.subscribe(dnd(True)).told == {DND: "on"}
            assert watcher.source(watcher.hears(DND, "on")) == other.sip
            watcher.goes_to(one)
            assert watcher.subscribe().told[DND] == "on"
            # Without the pooler keys wait, and nobody is forgotten.
            time.sleep(2)
            pooler.close()
            happens(lambda: bool(one.said("cluster_engine_silent")))
            assert phone.exchange(body=dnd(False)).status == 503
            pooler.enter_context(pgbouncer(engine, POOL, mode, port))
            for node in nodes.nodes:
                happens(node.is_ready)
            phone.accepted(phone.exchange(body=dnd(False)))
            for each in (phone, watcher):
                each.hears(DND, "off")
            # What a dead node had goes on at the other.
            one.kill()
            happens(lambda: bool(other.said("cluster_taken_over")))
            other.set(phone.aor, DND, on=True)
            assert phone.source(phone.hears(DND, "on")) == other.sip
            assert watcher.source(watcher.hears(DND, "on")) == other.sip
        # Nothing of it went past the pooler.
        clients = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        [(count,)] = engine.run(clients)
        assert 0 < count <= POOL
