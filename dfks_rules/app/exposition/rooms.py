"""Which room a metric is read from.

A room that is added has one function here, which takes it and says what is read; the rows are in
`table`. What a room has been counting by other names for MI is translated, not counted twice.
"""

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from prometheus_client.process_collector import ProcessCollector

from dfks_rules import __version__
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.driver import Driver
from dfks_rules.app.expiring import Expiring
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.exposition.families import Reading
from dfks_rules.app.records.events import EventRing
from dfks_rules.model.histogram import Histogram
from dfks_rules.operations.webhooks import EndpointRow
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.decided import Decided
from dfks_rules.sip.counts import OTHER
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import TRANSPORTS
from dfks_rules.store.counts import OF_VERDICT
from dfks_rules.store.postgres.store import PostgresStore
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.tracing.tracing import Tracing
from dfks_rules.transport.transports import Transports
from dfks_rules.web.server import WebServer

_NOTIFIES = {
    "answered": "notify_answered",
    "refused": "notify_refused",
    "timeout": "notify_timed_out",
    "gone": "notify_unreachable",
}
DATABASE = {"read": "reads_failed", "write": "writes_failed"}
"""What may fail of a store that nodes share → how it counts that."""
_DISK = {
    "read": "reads_failed",
    "write": "writes_failed",
    "sync": "syncs_failed",
    "checkpoint": "checkpoints_failed",
}
_RELOADS = {"activated": "policy:reloads", "failed": "policy:reload_failures"}
_LIMITED = (
    "rate_refused",
    "rate_dropped",
    "rate_delayed",
    "queue_refused",
    "queue_dropped",
    "overload_refused",
    "overload_dropped",
    "handshakes_delayed",
)


def add_server(exposition: Exposition, driver: Driver, late: Histogram) -> None:
    """The process, and the loop that drives it."""
    build = Reading(1, (__version__, platform.python_version()))
    exposition.add("dfks_build_info", lambda: [build])
    exposition.add("dfks_loop_late_seconds", lambda: [Reading(late)])
    exposition.add("dfks_internal_errors_total", lambda: [Reading(driver.counts["failures"])])
    collector = ProcessCollector(registry=None)
    exposition.add_slow(partial(_process, collector))


def _process(collector: ProcessCollector) -> Mapping[str, Iterable[Reading]]:
    return {
        sample.name: [Reading(sample.value)]
        for metric in collector.collect()
        for sample in metric.samples
    }


def add_sip(exposition: Exposition, endpoint: Endpoint[Subscription]) -> None:
    """What came, and what was answered."""

    def requests() -> Iterator[Reading]:
        for transport, counts in zip(TRANSPORTS, endpoint.counted.requests, strict=True):
            for method, count in sorted(counts.items()):
                name = "other" if method == OTHER else method.decode()
                yield Reading(count, (name, transport.value))

    def responses() -> Iterator[Reading]:
        for name, count in sorted(endpoint.counts.items()):
            what, _, code = name.partition("_")
            if what == "responses":
                yield Reading(count, (code,))

    exposition.add("dfks_sip_requests_total", requests)
    exposition.add("dfks_sip_responses_total", responses)
    exposition.add(
        "dfks_transactions",
        lambda: [
            Reading(len(endpoint.servers), ("server",)),
            Reading(len(endpoint.clients), ("client",)),
        ],
    )


def add_transports(exposition: Exposition, transports: Transports) -> None:
    """Who is connected, and what was too much."""

    def limited() -> Iterator[Reading]:
        counts = transports.counts
        for name in _LIMITED:
            limit, _, answer = name.rpartition("_")
            yield Reading(counts.get(name, 0), (limit, answer))

    def connections() -> Iterator[Reading]:
        for transport in TRANSPORTS[1:]:
            yield Reading(transports.connections.by_transport[transport], (transport.value,))

    exposition.add("dfks_sip_limited_total", limited)
    exposition.add("dfks_tcp_connections", connections)


def add_phones(exposition: Exposition, notifier: Notifier, gate: Gate | None) -> None:
    """Subscriptions, and what phones make of what they are told."""
    subscriptions, counts = notifier.subscriptions, notifier.counts
    exposition.add(
        "dfks_subscriptions",
        lambda: [
            Reading(count, (transport.value,))
            for transport, count in zip(TRANSPORTS, subscriptions.by_transport, strict=True)
        ],
    )
    exposition.add("dfks_subscriptions_asleep", lambda: [Reading(subscriptions.asleep)])
    exposition.add("dfks_subscriptions_unproved", lambda: [Reading(notifier.guard.unproved)])
    exposition.add(
        "dfks_notifies_total",
        lambda: [Reading(counts[name], (result,)) for result, name in _NOTIFIES.items()],
    )
    exposition.add("dfks_notify_duration_seconds", lambda: [Reading(notifier.answered)])
    exposition.add(
        "dfks_edges_total",
        lambda: [Reading(counts[f"edges_{result}"], (result,)) for result in ("told", "untold")],
    )
    if gate is not None:
        results = gate.counts
        exposition.add(
            "dfks_auth_total",
            lambda: [Reading(count, (result,)) for result, count in results.items()],
        )


def add_decided(exposition: Exposition, decided: Decided) -> None:
    """What is decided, and how soon requests are answered."""

    def decisions() -> Iterator[Reading]:
        for row in decided.rows:
            feature = row.feature.value if row.feature else ""
            yield Reading(row.allowed, (row.operation.value, feature, "allow"))
            yield Reading(row.denied, (row.operation.value, feature, "deny"))

    def denials() -> Iterator[Reading]:
        for pair, denied in list(decided.denials.items()):
            yield Reading(denied.count, pair, denied.last)

    exposition.add("dfks_decisions_total", decisions)
    exposition.add("dfks_denials_total", denials)
    exposition.add(
        "dfks_request_duration_seconds",
        lambda: [Reading(decided.gets, ("get",)), Reading(decided.sets, ("set",))],
    )


def add_expiring(exposition: Exposition, expiring: Expiring) -> None:
    """What came of features whose deadline had passed."""
    counts = expiring.counts
    exposition.add(
        "dfks_expired_total",
        lambda: [Reading(count, (result,)) for result, count in counts.items()],
    )
    exposition.add("dfks_expiry_stuck", lambda: [Reading(expiring.stuck)])


def add_policy_skew(exposition: Exposition, skew: Callable[[], float]) -> None:
    """Whether nodes decide alike; `skew` gives for how long they have not, s."""
    exposition.add("dfks_policy_skew_seconds", lambda: [Reading(skew())])


def add_policies(exposition: Exposition, policies: PolicyReloader) -> None:
    """What decides."""

    def counted(name: str) -> list[Reading]:
        return [Reading(policies.statistics()[f"policy:{name}"])]

    def reloads() -> list[Reading]:
        counts = policies.statistics()
        return [Reading(counts[name], (result,)) for result, name in _RELOADS.items()]

    def info() -> list[Reading]:
        revision = policies.in_force
        return [Reading(1, (revision.id, revision.origin))]

    def shadow() -> list[Reading]:
        shadow = policies.live.shadow
        if shadow is None:
            return []
        failed, different = shadow.failures, shadow.different.total()
        counts = {"same": shadow.same.total(), "different": different - failed, "failed": failed}
        return [Reading(count, (result,)) for result, count in counts.items()]

    exposition.add("dfks_policy_info", info)
    exposition.add("dfks_policy_reloads_total", reloads)
    exposition.add(
        "dfks_policy_last_reload_successful", lambda: [Reading(int(not policies.has_failed))]
    )
    for name in ("engine_failures", "oracle_checks", "oracle_disagreements"):
        exposition.add(f"dfks_policy_{name}_total", partial(counted, name))
    exposition.add("dfks_shadow_decisions_total", shadow)


def add_events(exposition: Exposition, events: EventRing) -> None:
    """Who is told what happens."""
    exposition.add("dfks_event_listeners", lambda: [Reading(events.listeners)])
    exposition.add("dfks_events_dropped_total", lambda: [Reading(events.missed)])


def add_tracing(exposition: Exposition, tracing: Tracing) -> None:
    """Who is traced, and what is exported."""
    exposition.add("dfks_traces", lambda: [Reading(tracing.counts["running"])])

    def packets() -> list[Reading]:
        counts = tracing.counts
        results = ("sent", "dropped")
        return [Reading(counts.get(f"hep_{result}", 0), (result,)) for result in results]

    exposition.add("dfks_hep_packets_total", packets)


class _Rows(Protocol):
    def rows(self) -> list[EndpointRow]:
        """How endpoints fare."""
        ...


def add_webhooks(exposition: Exposition, webhooks: _Rows) -> None:
    """Who is told by HTTP; an endpoint is named by its id, and there are few."""

    def deliveries() -> Iterator[Reading]:
        for row in webhooks.rows():
            for result, count in row.results.items():
                yield Reading(count, (row.endpoint.id, result.value))

    exposition.add(
        "dfks_webhook_lag_seconds",
        lambda: [Reading(row.lag, (row.endpoint.id,)) for row in webhooks.rows()],
    )
    exposition.add("dfks_webhook_deliveries_total", deliveries)
    exposition.add(
        "dfks_dead_letters",
        lambda: [Reading(row.dead, (row.endpoint.id,)) for row in webhooks.rows()],
    )


def add_web(exposition: Exposition, web: WebServer) -> None:
    """The HTTP API."""

    def requests() -> Iterator[Reading]:
        for (operation, status), count in sorted(web.served.items()):
            yield Reading(count, (operation, str(status)))

    def refused() -> Iterator[Reading]:
        for name, count in sorted(web.counts.items()):
            what, found, rest = name.partition("_refused")
            if found:
                yield Reading(count, (what + rest,))

    exposition.add("dfks_http_requests_total", requests)
    exposition.add("dfks_http_streams", lambda: [Reading(web.counts["streams"])])
    exposition.add("dfks_http_refused_total", refused)


def add_store(exposition: Exposition, store: SqliteStore, file: Path) -> None:
    """The store, and the disk that it is on."""
    add_commits(exposition, store, _DISK)
    exposition.add_slow(partial(_disk, file))


def add_commits(
    exposition: Exposition, store: SqliteStore | PostgresStore, operations: Mapping[str, str]
) -> None:
    """What is stored, wherever.

    Args:
        exposition: where it is told.
        store: what stores.
        operations: what may fail → how the store counts that.
    """
    counts = store.counts
    exposition.add(
        "dfks_store_commits_total",
        lambda: [Reading(counts[result], (result,)) for result in OF_VERDICT.values()],
    )
    exposition.add("dfks_store_commit_duration_seconds", lambda: [Reading(store.committed)])
    exposition.add(
        "dfks_store_failures_total",
        lambda: [Reading(counts[name], (operation,)) for operation, name in operations.items()],
    )
    exposition.add("dfks_store_queue", lambda: [Reading(store.queue)])


def _disk(file: Path) -> Mapping[str, Iterable[Reading]]:
    # SQLite puts its log beside the file to which a link leads.
    real = os.path.realpath(file)
    try:
        system = os.statvfs(os.path.dirname(real))
        sizes = [one.stat().st_size for one in (Path(real), Path(f"{real}-wal")) if one.exists()]
    except OSError:  # It is gone, which other metrics tell.
        return {}
    return {
        "dfks_store_size_bytes": [Reading(sum(sizes))],
        "dfks_store_free_bytes": [Reading(system.f_bavail * system.f_frsize)],
    }
