"""The store of a server, from its settings."""

from datetime import UTC, datetime
from pathlib import Path

from dfks_rules.app.storage import Storage
from dfks_rules.config.load import load_config
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.operations.ports import Readiness
from tests.helpers.cluster import Site, virtually
from tests.helpers.stored import ALICE, DND, ON
from tests.helpers.wanted import commit, wanted
from tests.helpers.wired import config_of

_AT = datetime(2026, 1, 5, tzinfo=UTC)
_PRESSED = wanted(ALICE, NOTHING_STORED, NOTHING_STORED.replace(DND, ON))


async def test_operators_see_what_another_life_has_stored(tmp_path: Path) -> None:
    """With its journal; and the secret is the same."""
    config = config_of(tmp_path, store="sqlite:dfks.db")
    first = Storage(config, "one")
    await commit(first.store, _PRESSED)
    await first.close()
    second = Storage(config, "two")
    kept = second.for_operators(lambda: _AT)
    assert [aor for aor, _ in await kept.page(None, 9, None, None)] == [ALICE]
    assert kept.journal is not None
    assert not kept.is_failing()
    assert first.secret == second.secret is not None
    await second.close()


async def test_store_in_memory_keeps_no_subscriptions_and_no_journal(tmp_path: Path) -> None:
    """And nothing has to begin or end."""
    storage = Storage(config_of(tmp_path), "one")
    await commit(storage.store, _PRESSED)
    kept = storage.for_operators(lambda: _AT)
    assert [aor for aor, _ in await kept.page(None, 9, None, None)] == [ALICE]
    assert kept.journal is None
    assert (storage.secret, storage.lasts, storage.lasting) == (None, None, None)
    assert storage.for_phones(lambda *_: None, lambda _: None) is None
    await storage.settled()
    await storage.close()


async def test_subscriptions_go_on_after_a_stop_where_they_may_and_can(tmp_path: Path) -> None:
    """`presence.on_stop`; a store in memory can not."""
    keeps = []
    for store, on_stop in (
        ("sqlite:dfks.db", "keep"),
        ("sqlite:dfks.db", "deactivate"),
        ("memory:", "keep"),
    ):
        storage = Storage(config_of(tmp_path, store=store, presence={"on_stop": on_stop}), "one")
        keeps.append(storage.keeps)
        await storage.close()
    assert keeps == [True, False, False]


@virtually
async def test_a_node_shows_operators_the_others_and_whether_it_serves() -> None:
    """With the journal of all; and it opens nothing of its own."""
    site = Site()
    one = await site.node("a")
    config = load_config(None, {"DFKS_STORE": "postgresql://db/dfks"})
    storage = Storage(config, "one", one.node)
    kept = storage.for_operators(lambda: _AT)
    assert (storage.tells, storage.lasts) == (True, None)
    assert kept.journal is one.node.store.journal
    assert kept.cluster is not None
    assert [row.name for row in await kept.cluster.nodes()] == ["a"]
    assert kept.standing is not None
    assert kept.standing() is Readiness.OK
    one.node.member.drain()
    assert kept.standing() is Readiness.DRAINING
    one.node.member.lease.buried()
    assert kept.standing() is Readiness.FAILING
    await storage.close()
