"""Which room a metric is read from."""

import asyncio
import ipaddress
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.exposition import rooms
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.records.events import KEPT, EventRing
from dfks_rules.config.settings import ReloadSettings
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.requests import Operation
from dfks_rules.operations.events import Event
from dfks_rules.operations.webhooks import Result
from dfks_rules.policy.deciding.live import Shadow
from dfks_rules.presence.gate import Gate
from dfks_rules.service.ports import Verdict
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.tracing.export import HepTarget
from dfks_rules.tracing.hep import Agent
from dfks_rules.tracing.tap import Tap
from dfks_rules.tracing.tracing import Tracing
from dfks_rules.transport.limits import ConnectionLimits
from dfks_rules.transport.transports import Transports
from dfks_rules.web.api import TABLE
from dfks_rules.web.server import WebServer, WebSettings
from tests.helpers.journal import MemoryJournal, nothing_stored
from tests.helpers.operations import MemoryOperations
from tests.helpers.playbook import DND_ON, FLOW, Playbook, default_policies, message
from tests.helpers.policy import ALICE, policies
from tests.helpers.wanted import commit, wanted
from tests.helpers.webhooks import EVERYBODY, Bench

_ON = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
Values = dict[str, dict[tuple[str, ...], float]]


async def _read(add: Callable[[Exposition], None]) -> Values:
    """Metric → values of the labels, in the order of their names → value."""
    exposition = Exposition()
    add(exposition)
    body = (await exposition.scrape()).body.decode()
    found: Values = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def _subscribed() -> Playbook:
    """Alice's phone has set DND, and has confirmed its NOTIFY after 0.2 s."""
    book = Playbook(default_policies())
    _, notify = book.receive(message(body=DND_ON))
    book.pass_time(0.2)
    book.answer(notify)
    book.receive(message(b"BYE", via=b"SIP/2.0/UDP a;branch=z9hG4bKb"))
    return book


async def test_requests_and_responses_of_phones() -> None:
    """By method and transport, and by code."""
    book = _subscribed()
    values = await _read(lambda to: rooms.add_sip(to, book.endpoint))
    assert values["dfks_sip_requests_total"] == {("BYE", "udp"): 1, ("SUBSCRIBE", "udp"): 1}
    assert values["dfks_sip_responses_total"] == {("200",): 1, ("405",): 1}
    assert values["dfks_transactions"] == {("server",): 1, ("client",): 0}


async def test_subscriptions_and_notifys() -> None:
    """What phones make of what they are told."""
    book = _subscribed()
    gate = Gate(None, (ipaddress.ip_network("192.0.2.0/24"),))
    values = await _read(lambda to: rooms.add_phones(to, book.notifier, gate))
    assert values["dfks_subscriptions"] == {("udp",): 1, ("tcp",): 0, ("tls",): 0}
    assert values["dfks_subscriptions_asleep"] == {(): 0}
    assert values["dfks_subscriptions_unproved"] == {(): 0}
    results = {("answered",): 1, ("refused",): 0, ("timeout",): 0, ("gone",): 0}
    assert values["dfks_notifies_total"] == results
    buckets = values["dfks_notify_duration_seconds_bucket"]
    assert (buckets[("0.1",)], buckets[("0.25",)], buckets[("+Inf",)]) == (0, 1, 1)
    assert values["dfks_auth_total"][("trusted",)] == 0


async def test_decisions_and_denials() -> None:
    """By rule and reason."""
    rules = "- {id: never, when: {op: set}, then: {deny: {reason: closed}}}"
    book = Playbook(policies(rules))
    book.receive(message(body=DND_ON))
    decided = book.features.decided
    decided.answered(0.0, 0.004)
    values = await _read(lambda to: rooms.add_decided(to, decided))
    decisions = values["dfks_decisions_total"]
    assert decisions["deny", "DoNotDisturb", "set"] == 1
    assert decisions["allow", "", "subscribe"] == 1
    assert values["dfks_denials_total"] == {("closed", "p/never"): 1}
    buckets = values["dfks_request_duration_seconds_bucket"]
    assert (buckets["0.0025", "set"], buckets["0.005", "set"]) == (0, 1)
    assert buckets["+Inf", "get"] == 0


async def test_policies_in_force_and_beside_them(tmp_path: Path) -> None:
    """A failure of the last load is seen until a load succeeds."""
    settings = ReloadSettings(watch=False, poll=False, keep=1, last_good=tmp_path / "last")
    reloader = PolicyReloader((), settings)
    await reloader.start()

    def add(to: Exposition) -> None:
        rooms.add_policies(to, reloader)

    values = await _read(add)
    assert values["dfks_policy_info"] == {("files", reloader.live.active.revision): 1}
    assert values["dfks_policy_reloads_total"] == {("activated",): 0, ("failed",): 0}
    assert values["dfks_policy_last_reload_successful"] == {(): 1}
    assert values["dfks_policy_engine_failures_total"] == {(): 0}
    assert values["dfks_policy_oracle_checks_total"] == {(): 0}
    assert "dfks_shadow_decisions_total" not in values
    shadow = reloader.live.follow(policies("[]"))
    _count(shadow)
    values = await _read(add)
    shadows = {("same",): 1, ("different",): 2, ("failed",): 1}
    assert values["dfks_shadow_decisions_total"] == shadows
    await reloader.close()


async def test_skew_is_how_long_nodes_decide_differently() -> None:
    """Now, not when it was added."""
    skews = iter([0.0, 12.5])
    exposition = Exposition()
    rooms.add_policy_skew(exposition, lambda: next(skews))
    for value in ("0.0", "12.5"):
        body = (await exposition.scrape()).body.decode()
        assert f"\ndfks_policy_skew_seconds {value}\n" in body


def _count(shadow: Shadow) -> None:
    """Four decisions, three of which came out differently, one by an error."""
    question = (Operation.SUBSCRIBE, None)
    shadow.same[question] += 1
    shadow.different[question] += 3
    shadow.failures += 1


async def test_store_and_its_disk(tmp_path: Path) -> None:
    """Before it is full."""
    file = tmp_path / "features.db"
    store = SqliteStore(file, asyncio.get_running_loop())
    verdict, _, _ = await commit(store, wanted(ALICE, NOTHING_STORED, _ON))
    assert verdict is Verdict.STORED
    values = await _read(lambda to: rooms.add_store(to, store, file))
    assert values["dfks_store_commits_total"][("stored",)] == 1
    assert values["dfks_store_commit_duration_seconds_count"] == {(): 1}
    assert values["dfks_store_queue"] == {(): 0}
    failures = {("read",): 0, ("write",): 0, ("sync",): 0, ("checkpoint",): 0}
    assert values["dfks_store_failures_total"] == failures
    assert values["dfks_store_size_bytes"][()] > 1_000
    assert values["dfks_store_free_bytes"][()] > 0
    # SQLite puts its log beside the file to which a link leads.
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(file)
    (size,) = rooms._disk(link)["dfks_store_size_bytes"]
    assert size.value == values["dfks_store_size_bytes"][()]
    store.close()
    lost = tmp_path / "gone" / "features.db"
    assert rooms._disk(lost) == {}


async def test_streams_and_limits() -> None:
    """All limits are there from the start: an alarm on what never was cannot be tested."""
    transports = Transports(ConnectionLimits())
    values = await _read(lambda to: rooms.add_transports(to, transports))
    assert values["dfks_tcp_connections"] == {("tcp",): 0, ("tls",): 0}
    assert values["dfks_sip_limited_total"]["dropped", "overload"] == 0
    assert len(values["dfks_sip_limited_total"]) == 8
    await transports.close()


async def test_readers_of_the_stream_and_what_they_missed() -> None:
    """A reader that falls behind is the reader's matter; that there is one, the operator's."""
    journal = MemoryJournal()
    ring = EventRing(journal, journal.durable, nothing_stored, "5ea1ed")
    listener = await ring.listen(None)
    for _ in range(KEPT + 3):
        ring.publish(Event("policies-changed", 0, None, {}))
    await listener.take(10)
    values = await _read(lambda to: rooms.add_events(to, ring))
    assert values["dfks_event_listeners"] == {(): 1}
    assert values["dfks_events_dropped_total"] == {(): 3}


async def test_traces_and_the_export() -> None:
    """Without a collector there are no packets."""
    values = await _read(lambda to: rooms.add_tracing(to, Tracing(lambda _: None, lambda: 0, "x")))
    assert values["dfks_traces"] == {(): 0}
    assert values["dfks_hep_packets_total"] == {("sent",): 0, ("dropped",): 0}
    target = HepTarget("127.0.0.1", 9, Agent(1, b""))
    taps: list[Tap | None] = []
    exporting = Tracing(taps.append, lambda: 0, "x", target)
    (tap,) = taps
    assert tap is not None
    tap.received(message(), FLOW)
    await asyncio.sleep(0)
    values = await _read(lambda to: rooms.add_tracing(to, exporting))
    assert values["dfks_hep_packets_total"] == {("sent",): 0, ("dropped",): 1}


async def test_webhooks() -> None:
    """By endpoint and result; there are no series where there are no endpoints."""
    bench = Bench()
    service = bench.service()
    names = ("dfks_webhook_lag_seconds", "dfks_webhook_deliveries_total", "dfks_dead_letters")
    values = await _read(lambda to: rooms.add_webhooks(to, service))
    assert [values.get(name, {}) for name in names] == [{}, {}, {}]
    id_ = (await service.add(EVERYBODY)).endpoint.id
    box = service.boxes[id_]
    box.results[Result.DELIVERED] = 7
    box.dead = 2
    values = await _read(lambda to: rooms.add_webhooks(to, service))
    await service.end()
    assert values[names[0]] == {(id_,): 0}
    assert values[names[1]][id_, "delivered"] == 7
    assert len(values[names[1]]) == len(Result)
    assert values[names[2]] == {(id_,): 2}


async def test_requests_of_the_api() -> None:
    """By operation and status."""
    web = WebServer(WebSettings(None, frozenset(), 0), TABLE, MemoryOperations())
    web.served["setFeature", 200] += 2
    web.served["setFeature", 403] += 1
    values = await _read(lambda to: rooms.add_web(to, web))
    served = {("200", "setFeature"): 2, ("403", "setFeature"): 1}
    assert values["dfks_http_requests_total"] == served


async def test_what_the_api_had_no_room_for() -> None:
    """From the start, so that an alarm on it can be tested."""
    web = WebServer(WebSettings(None, frozenset(), 0), TABLE, MemoryOperations())
    values = await _read(lambda to: rooms.add_web(to, web))
    refused = {("connections",): 0, ("streams",): 0, ("streams_token",): 0}
    assert values["dfks_http_refused_total"] == refused
    assert values["dfks_http_streams"] == {(): 0}
