"""Every metric that there is: HELP and TYPE on `/metrics`, and docs/reference/metrics.md.

No label ever names a presentity or a watcher: the number of series must not grow with the users.
"""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What kind of numbers a metric has; the value is its TYPE."""

    COUNTER = "counter"
    """Only rises; the name ends in `_total`."""
    GAUGE = "gauge"
    """What there is now."""
    HISTOGRAM = "histogram"
    """Durations, counted by size."""


class Family(NamedTuple):
    """One metric, with all its series."""

    name: str
    """As dashboards and alerts name it."""
    kind: Kind
    labels: tuple[str, ...]
    """What tells its series apart."""
    help: str
    """What it says, in one line."""


_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

SECTIONS: dict[str, tuple[Family, ...]] = {
    "The server": (
        Family(
            "dfks_build_info",
            _GAUGE,
            ("version", "python"),
            "Always 1; the labels say which version runs.",
        ),
        Family(
            "dfks_loop_late_seconds",
            _HISTOGRAM,
            (),
            "Delay of the event loop, measured every 0.1 s while phones send: they wait that much "
            "longer.",
        ),
        Family(
            "dfks_internal_errors_total",
            _COUNTER,
            (),
            "Messages and timers that failed because of a bug in the server; each is in the log.",
        ),
        Family("process_cpu_seconds_total", _COUNTER, (), "CPU time of the process."),
        Family("process_resident_memory_bytes", _GAUGE, (), "Resident memory of the process."),
        Family("process_virtual_memory_bytes", _GAUGE, (), "Virtual memory of the process."),
        Family(
            "process_start_time_seconds", _GAUGE, (), "Start of the process, in seconds since 1970."
        ),
        Family("process_open_fds", _GAUGE, (), "Open file descriptors."),
        Family("process_max_fds", _GAUGE, (), "Maximum number of open file descriptors."),
    ),
    "Phones": (
        Family(
            "dfks_sip_requests_total",
            _COUNTER,
            ("method", "transport"),
            "SIP requests received, including repeats and malformed ones.",
        ),
        Family(
            "dfks_sip_responses_total",
            _COUNTER,
            ("code",),
            "SIP responses sent, without retransmissions.",
        ),
        Family(
            "dfks_sip_limited_total",
            _COUNTER,
            ("limit", "answer"),
            "Messages over a limit (rate, queue, overload, handshakes), by what became of "
            "them (refused, dropped, delayed).",
        ),
        Family(
            "dfks_auth_total",
            _COUNTER,
            ("result",),
            "Results of authenticating the sender of a request.",
        ),
        Family(
            "dfks_request_duration_seconds",
            _HISTOGRAM,
            ("op",),
            "Time from reading a request for states (get), or one that sets some (set), to "
            "its answer; a set is answered once it is stored.",
        ),
        Family("dfks_subscriptions", _GAUGE, ("transport",), "Live subscriptions of phones."),
        Family(
            "dfks_subscriptions_asleep",
            _GAUGE,
            (),
            "Those among them that nobody has needed for a while: they take 0.4 KB each.",
        ),
        Family(
            "dfks_subscriptions_unproved",
            _GAUGE,
            (),
            "Subscriptions whose phone has not yet shown that it wants NOTIFYs.",
        ),
        Family(
            "dfks_notifies_total",
            _COUNTER,
            ("result",),
            "NOTIFYs that ended: answered (2xx), refused (another answer), timeout (no answer "
            "within 32 s), gone (could not be delivered).",
        ),
        Family(
            "dfks_notify_duration_seconds",
            _HISTOGRAM,
            (),
            "Time from sending a NOTIFY to the address that answered it, to the answer.",
        ),
        Family(
            "dfks_tcp_connections",
            _GAUGE,
            ("transport",),
            "Connections of phones and proxies, including those being opened.",
        ),
        Family(
            "dfks_transactions",
            _GAUGE,
            ("side",),
            "SIP transactions in memory: of requests received (server) and of NOTIFYs sent "
            "(client).",
        ),
        Family(
            "dfks_edges_total",
            _COUNTER,
            ("result",),
            "Users whose phones see something else as time has passed (schedules): told, or "
            "untold, since it could not be read.",
        ),
    ),
    "Decisions": (
        Family(
            "dfks_decisions_total",
            _COUNTER,
            ("op", "feature", "effect"),
            "Decisions of the policies that were carried out. `feature` is empty for subscribe.",
        ),
        Family(
            "dfks_denials_total",
            _COUNTER,
            ("rule", "reason"),
            "Decisions to deny, by rule (empty if none decided) and reason; from the 1,001st "
            "pair on, both are `other`.",
        ),
        Family(
            "dfks_policy_info",
            _GAUGE,
            ("revision", "origin"),
            "Always 1; the labels say which policies are in force.",
        ),
        Family(
            "dfks_policy_reloads_total",
            _COUNTER,
            ("result",),
            "Policies that were put into force (activated), or could not be (failed).",
        ),
        Family(
            "dfks_policy_last_reload_successful",
            _GAUGE,
            (),
            "1, or 0 while the policies in force are older than the files.",
        ),
        Family(
            "dfks_policy_skew_seconds",
            _GAUGE,
            (),
            "How long the living nodes of a cluster have had different policies; 0 while they have "
            "the same. Missing without a cluster.",
        ),
        Family(
            "dfks_policy_engine_failures_total",
            _COUNTER,
            (),
            "Decisions that the rule engine could not make; the reference evaluator made them.",
        ),
        Family(
            "dfks_policy_oracle_checks_total",
            _COUNTER,
            (),
            "Decisions that the reference evaluator made again as a check.",
        ),
        Family(
            "dfks_policy_oracle_disagreements_total",
            _COUNTER,
            (),
            "Checked decisions that came out differently: a bug in the server or its engine.",
        ),
        Family(
            "dfks_shadow_decisions_total",
            _COUNTER,
            ("result",),
            "Decisions of the candidate (`policy:shadow`): same, different or failed; from 0 "
            "again with each comparison.",
        ),
        Family(
            "dfks_expired_total",
            _COUNTER,
            ("result",),
            "Features whose deadline (`expire`) has passed: switched off, denied by a rule, or "
            "not stored, which is tried again.",
        ),
        Family(
            "dfks_expiry_stuck",
            _GAUGE,
            (),
            "Users whose features could not be switched off though their deadline (`expire`) has "
            "passed; others do not wait for them, and they are tried again every 5 s.",
        ),
    ),
    "The store": (
        Family(
            "dfks_store_commits_total",
            _COUNTER,
            ("result",),
            "Requests to store something, by result.",
        ),
        Family(
            "dfks_store_commit_duration_seconds",
            _HISTOGRAM,
            (),
            "Time from the request for a commit until the disk or the database has it, or it has "
            "failed.",
        ),
        Family(
            "dfks_store_failures_total",
            _COUNTER,
            ("operation",),
            "Failures of the disk or the file, by operation: read, write, sync, checkpoint; of a "
            "database: read, write.",
        ),
        Family("dfks_store_queue", _GAUGE, (), "Commits waiting for the disk or the database."),
        Family("dfks_store_size_bytes", _GAUGE, (), "Size of the database and the log beside it."),
        Family(
            "dfks_store_free_bytes",
            _GAUGE,
            (),
            "Bytes that the server may still write to the file system of the store.",
        ),
    ),
    "Several nodes": (
        Family(
            "dfks_cluster_nodes",
            _GAUGE,
            ("state",),
            "Nodes that share the database, as it tells them: serving, draining, late (the lease "
            "is over), dead (and nobody has taken all of its subscriptions over yet).",
        ),
        Family(
            "dfks_cluster_standing",
            _GAUGE,
            ("standing",),
            "1 for how far this node may serve: serving, draining, blind (the database does not "
            "answer: refreshes only), cut off (nothing); 0 for the others.",
        ),
        Family(
            "dfks_cluster_lease_seconds", _GAUGE, (), "Seconds until the lease of this node ends."
        ),
        Family(
            "dfks_cluster_feed_lag",
            _GAUGE,
            (),
            "Changes that this node knows to be stored and has not read from the feed yet.",
        ),
        Family(
            "dfks_cluster_feed_age_seconds",
            _GAUGE,
            (),
            "Seconds since the feed of changes was read to its end.",
        ),
        Family(
            "dfks_cluster_feed_changes_total",
            _COUNTER,
            (),
            "Changes that were read from the feed, of whatever node.",
        ),
        Family(
            "dfks_cluster_clock_skew_seconds",
            _GAUGE,
            (),
            "How far the clock of this machine is ahead of the database's.",
        ),
        Family(
            "dfks_cluster_buried_total",
            _COUNTER,
            (),
            "Nodes whose lease was over, and which this node has ended.",
        ),
        Family(
            "dfks_cluster_taken_over_total",
            _COUNTER,
            (),
            "Subscriptions of ended nodes that this node has taken over.",
        ),
        Family(
            "dfks_cluster_adoptions_total",
            _COUNTER,
            ("result",),
            "Subscriptions of phones that came from another node: adopted, or failed.",
        ),
        Family(
            "dfks_cluster_engine_failures_total",
            _COUNTER,
            ("call",),
            "Times that the database could not be asked: by what looks after the lease (life), or "
            "for changes (feed).",
        ),
    ),
    "Integrations": (
        Family(
            "dfks_http_requests_total",
            _COUNTER,
            ("operation", "code"),
            "Requests of the HTTP API by operation and status.",
        ),
        Family(
            "dfks_http_streams",
            _GAUGE,
            (),
            "Streams of events and traces under way; there is room for 200.",
        ),
        Family(
            "dfks_http_refused_total",
            _COUNTER,
            ("why",),
            "Refused where there was no room: connections (too many, in all or from one address), "
            "streams (in all), streams_token (of one token).",
        ),
        Family("dfks_event_listeners", _GAUGE, (), "Readers of the event stream."),
        Family(
            "dfks_events_dropped_total",
            _COUNTER,
            (),
            "Events that slow readers of the stream have missed.",
        ),
        Family(
            "dfks_webhook_lag_seconds",
            _GAUGE,
            ("endpoint",),
            "Age of the oldest undelivered event.",
        ),
        Family(
            "dfks_webhook_deliveries_total",
            _COUNTER,
            ("endpoint", "result"),
            "Attempts to deliver an event, by result.",
        ),
        Family(
            "dfks_dead_letters",
            _GAUGE,
            ("endpoint",),
            "Events that were given up; they can be sent again.",
        ),
        Family("dfks_traces", _GAUGE, (), "Users being traced."),
        Family(
            "dfks_hep_packets_total",
            _COUNTER,
            ("result",),
            "Packets for the HEP collector (`trace.hep`): sent, or dropped because it could "
            "not be reached.",
        ),
    ),
}
"""All of them, under the headings of the reference page."""

TABLE: dict[str, Family] = {one.name: one for rows in SECTIONS.values() for one in rows}
"""By name, in the order in which they are written."""
