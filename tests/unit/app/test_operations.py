"""What operators can ask of a running server."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from dfks_rules.app.answers import AnswersInMemory
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.operations import Keeping, Records, ServerOperations
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.logs import LoggedOutcomes
from dfks_rules.app.worker.worker import Worker
from dfks_rules.config.settings import ReloadSettings
from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, Feature
from dfks_rules.model.requests import Asked
from dfks_rules.operations.ports import Sets, Stored
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import Source
from dfks_rules.service.ports import ChangedError
from tests.helpers.playbook import Playbook, default_policies, message
from tests.helpers.policy import ALICE, BOB, DND, NOON, ON, source
from tests.helpers.states import forwarding
from tests.helpers.stores import FULL, SlowStore


def _at() -> datetime:
    return NOON


async def _nobody(*_: object) -> Sequence[Stored]:
    return []


def _operations(book: Playbook, worker: Worker | None = None) -> ServerOperations:
    decisions = Decisions(10, "5ea1ed", lambda _: None)
    records = Records(LoggedOutcomes(), decisions, Metrics(), Exposition())
    records.metrics.include("features", records.log)
    settings = ReloadSettings(watch=False, poll=False, keep=1, last_good=Path("unused"))
    policies = PolicyReloader((), settings)
    keeping = Keeping(_nobody, lambda: False, AnswersInMemory(_at))
    worker = worker or Worker(policies.files_of)
    return ServerOperations(book.features, book.notifier, records, policies, _at, keeping, worker)


def _watched() -> Playbook:
    """Alice's phone has subscribed, and confirmed its NOTIFY."""
    book = Playbook(default_policies())
    _, notify = book.receive(message())
    book.answer(notify)
    return book


async def test_operators_set_is_committed_and_told_to_the_watchers() -> None:
    """The lamp on the phone follows what the help desk does."""
    book = _watched()
    result = await _operations(book).set(Sets(ALICE, (Asked(DND, ON),), "ticket-7", "help desk"))
    (outcome,) = result.outcomes
    assert (result.revision, outcome.request.requester.actor) == (1, "help desk")
    assert (outcome.changed, outcome.request.requester.param) == (True, "ticket-7")
    assert book.stored(ALICE).state(DND) == ON
    (notify,) = book.sent()
    assert b"<doNotDisturbOn>true<" in notify.body


async def test_a_set_for_another_revision_changes_nothing() -> None:
    """Somebody else was faster; the caller looks again, and nothing is logged as a failure."""
    book = _watched()
    operations = _operations(book)
    await operations.set(Sets(ALICE, (Asked(DND, ON),)))
    book.sent()
    with pytest.raises(ChangedError) as refused:
        await operations.set(Sets(ALICE, (Asked(DND, OFF),), expected=0))
    assert refused.value.revision == 1
    assert book.stored(ALICE).state(DND) == ON
    assert not book.sent()
    result = await operations.set(Sets(ALICE, (Asked(DND, OFF),), expected=1))
    assert result.revision == 2


async def test_a_phone_is_shown_what_it_may_know_and_no_decision_is_kept() -> None:
    """Whoever looks must not push out what others were refused."""
    book = _watched()
    operations = _operations(book)
    shown = await operations.shown(ALICE)
    assert Feature.AGENT_STATE not in dict(shown)
    assert await operations.stored(BOB) == NOTHING_STORED
    assert operations.latest_decisions(None)[1] == 0


async def test_operators_get_tells_every_feature() -> None:
    """In the order of the documents."""
    book = _watched()
    operations = _operations(book)
    await operations.set(Sets(ALICE, (Asked(DND, ON),)))
    outcomes = await operations.get_features(ALICE)
    assert [outcome.request.feature for outcome in outcomes] == list(FEATURES)
    assert outcomes[0].told == ON


async def test_failure_of_the_store_reaches_the_operator() -> None:
    """Never success that is not true."""
    store = SlowStore()
    operations = _operations(Playbook(default_policies(), store=store))
    asked = asyncio.ensure_future(operations.set(Sets(ALICE, (Asked(DND, ON),))))
    await asyncio.sleep(0)
    store.settle(FULL)
    with pytest.raises(StoreError, match="disk is full"):
        await asked
    store.is_broken = True
    with pytest.raises(StoreError, match="disk is broken"):
        await operations.get_features(BOB)


async def test_subscriptions_are_listed_with_what_helps_to_find_the_phone() -> None:
    """The first thing to look at when a lamp is wrong."""
    operations = _operations(_watched())
    rows, total = operations.subscriptions(None, 0)
    (row,) = rows
    assert total == 1
    assert (row.presentity, row.watcher) == (ALICE.uri, ALICE.uri)
    assert "call-1" in row
    assert "<sip:alice@192.0.2.7:5062>" in row
    assert "udp" in row
    assert operations.statistics()["presence:subscriptions"] == 1


async def test_refresh_tells_each_watcher_the_full_state() -> None:
    """After a change of policies."""
    book = _watched()
    operations = _operations(book)
    assert (operations.refresh_watchers(ALICE), operations.refresh_watchers(BOB)) == (1, 0)
    (notify,) = book.sent()
    assert notify.body.count(b"<ForwardingEvent") == 3


async def test_level_statistics_and_uptime_are_told() -> None:
    """`get_statistics`, `log_level`, `uptime`."""
    operations = _operations(_watched())
    operations.set_log_level("warning")
    assert operations.log_level() == "warning"
    assert operations.statistics()["features:sets"] == 0
    assert operations.statistics()["policy:reloads"] == 0
    assert operations.statistics()["core:tasks"] == 1
    assert operations.uptime() >= 0


async def test_states_in_memory_have_no_journal() -> None:
    """An error, not an empty one."""
    with pytest.raises(StoreError) as raised:
        _ = _operations(_watched()).journal
    assert raised.value.code == "store_no_journal"


async def test_decisions_are_explained_by_the_worker_or_it_is_said_why_not() -> None:
    """The policies that decided are gone, as far as this server knows."""
    book = _watched()
    worker = Worker(lambda _revision: None)
    operations = _operations(book, worker)
    (outcome,) = (await operations.set(Sets(ALICE, (Asked(DND, ON),)))).outcomes
    operations.decisions.keep(1, (outcome,))
    try:
        (explained,) = await operations.explain_decisions(ALICE)
    finally:
        await worker.close()
    assert explained["explanation"] is None
    assert explained["text"] == [
        f"the policies of revision {outcome.decision.revision} are no longer in memory",
        "matched: default/store-what-is-asked",
    ]


async def test_what_is_removed_is_told_to_watchers_and_to_the_journal() -> None:
    """The lamp goes out, and somebody has done it."""
    book = _watched()
    operations = _operations(book)
    forward = Asked(Feature.CALL_FORWARDING_ALWAYS, forwarding(True, "+4930"))
    await operations.set(Sets(ALICE, (Asked(DND, ON), forward)))
    (notify,) = book.sent()
    book.answer(notify)
    result = await operations.remove(Sets(ALICE, (), None, "hr", 1))
    assert [one.request.requester.actor for one in result.outcomes] == ["hr", "hr"]
    assert (result.revision, book.stored(ALICE).states) == (2, NOTHING_STORED.states)
    (notify,) = book.sent()
    assert b"<doNotDisturbOn>false<" in notify.body
    assert b"+4930" not in notify.body
    with pytest.raises(ChangedError):
        await operations.remove(Sets(ALICE, (), None, "hr", 1))


async def test_a_try_changes_nothing() -> None:
    """Nor is a decision kept."""
    book = _watched()
    operations = _operations(book)
    result = await operations.tried(Sets(ALICE, (Asked(DND, ON),)))
    assert ([one.changed for one in result.outcomes], result.revision) == ([True], 0)
    assert operations.latest_decisions(ALICE)[1] == 0
    assert book.stored(ALICE) == NOTHING_STORED
    assert book.sent() == []


async def test_without_a_store_that_lasts_there_are_no_imports() -> None:
    """How far one is would not survive."""
    with pytest.raises(StoreError) as raised:
        _ = _operations(_watched()).imports
    assert raised.value.code == "store_no_journal"


async def test_what_time_will_change_goes_by_the_counts_of_now() -> None:
    """A rule about gets may ask how many of a group are off, and time makes it matter."""
    rule = """
        - id: unmanned
          when: {op: get, feature: DoNotDisturb, group.desk.DoNotDisturb.on: 1, time: {ge: "13:00"}}
          then: {status: 1}
    """
    users = Source("users.csv", "user,domain,groups\nalice,example.com,\nbob,example.com,desk\n")
    policies = load([source(rule), users])
    book = Playbook(policies)
    operations = _operations(book)
    operations.policies.live.activate(policies)
    assert await operations.coming(ALICE, 2) == []
    await operations.set(Sets(BOB, (Asked(DND, ON),)))
    (change,) = await operations.coming(ALICE, 2)
    assert (change.at, change.rule) == (NOON.replace(hour=13), "p/unmanned")
