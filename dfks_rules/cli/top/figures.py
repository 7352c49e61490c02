"""The figures of one second, as JSON: what scripts read, and what the screen shows."""

from collections.abc import Mapping
from typing import Any

from dfks_rules.cli.top.loud import Loud
from dfks_rules.cli.top.samples import Samples

RATES = {
    "subscribes": ("dfks_sip_requests_total", {"method": "SUBSCRIBE"}),
    "sets": ("dfks_decisions_total", {"op": "set"}),
    "gets": ("dfks_request_duration_seconds_count", {"op": "get"}),
    "refused": ("dfks_decisions_total", {"effect": "deny"}),
    "notifies": ("dfks_notifies_total", {}),
    "timeouts": ("dfks_notifies_total", {"result": "timeout"}),
    "http": ("dfks_http_requests_total", {}),
}
"""Name → counter, and labels of the series that are added up."""
LATENCIES = {
    "get": ("dfks_request_duration_seconds", {"op": "get"}),
    "set": ("dfks_request_duration_seconds", {"op": "set"}),
    "notify": ("dfks_notify_duration_seconds", {}),
    "commit": ("dfks_store_commit_duration_seconds", {}),
    "loop": ("dfks_loop_late_seconds", {}),
}
"""Name → histogram, and labels."""
FLOODS = ("rate", "queue", "overload", "handshakes")
"""Values of `limit` of `dfks_sip_limited_total`."""
_LIMITS = "presence:limit_"


def figures(
    samples: Samples,
    loud: Loud,
    statistics: Mapping[str, int],
    ready: Mapping[str, Any],
    now: float,
    at_most: int = 10,
) -> dict[str, Any]:
    """What there is to say now; what is not known is null.

    Args:
        samples: of `/metrics`.
        loud: of `/v1/events`.
        statistics: of `/v1/statistics`.
        ready: of `/readyz`.
        now: monotonic seconds.
        at_most: rows of each list.
    """
    return {
        "rates": {name: _rounded(samples.rate(of, by)) for name, (of, by) in RATES.items()},
        "latencies": {
            name: {
                "p50": _milliseconds(samples.quantile(of, 0.5, by)),
                "p99": _milliseconds(samples.quantile(of, 0.99, by)),
            }
            for name, (of, by) in LATENCIES.items()
        },
        "subscriptions": _by_label(samples, "dfks_subscriptions", "transport"),
        "loudest": loud.loudest(now, at_most),
        "refusals": loud.refusals(now, at_most),
        "floods": {
            **{
                limit: _rounded(samples.rate("dfks_sip_limited_total", {"limit": limit}))
                for limit in FLOODS
            },
            "limits": {
                name.removeprefix(_LIMITS): count
                for name, count in statistics.items()
                if name.startswith(_LIMITS) and count
            },
        },
        "store": _store(samples, ready),
        "policies": _policies(samples, ready),
        "server": _server(samples, loud),
    }


def _store(samples: Samples, ready: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ready": _is_ready(ready, "store"),
        "commits": _rounded(samples.rate("dfks_store_commits_total")),
        "queue": _whole(samples, "dfks_store_queue"),
        "failures": _whole(samples, "dfks_store_failures_total"),
        "sizeBytes": _whole(samples, "dfks_store_size_bytes"),
        "freeBytes": _whole(samples, "dfks_store_free_bytes"),
    }


def _policies(samples: Samples, ready: Mapping[str, Any]) -> dict[str, Any]:
    newest = samples.newest
    reloaded = _whole(samples, "dfks_policy_last_reload_successful")
    return {
        "ready": _is_ready(ready, "policies"),
        "revision": newest and newest.label("dfks_policy_info", "revision"),
        "origin": newest and newest.label("dfks_policy_info", "origin"),
        "lastReload": None if reloaded is None else bool(reloaded),
        "engineFailures": _whole(samples, "dfks_policy_engine_failures_total"),
        "disagreements": _whole(samples, "dfks_policy_oracle_disagreements_total"),
    }


def _server(samples: Samples, loud: Loud) -> dict[str, Any]:
    newest = samples.newest
    cpu = samples.rate("process_cpu_seconds_total")
    return {
        "version": newest and newest.label("dfks_build_info", "version"),
        "startedAt": newest and newest.sum("process_start_time_seconds"),
        "cpuPercent": None if cpu is None else round(cpu * 100, 1),
        "memoryBytes": _whole(samples, "process_resident_memory_bytes"),
        "eventsLost": loud.gaps,
    }


def _by_label(samples: Samples, name: str, label: str) -> dict[str, int]:
    newest = samples.newest
    found = {} if newest is None else newest.of(name)
    return {dict(key).get(label, ""): int(value) for key, value in found.items()}


def _whole(samples: Samples, name: str) -> int | None:
    value = None if samples.newest is None else samples.newest.sum(name)
    return None if value is None else int(value)


def _is_ready(ready: Mapping[str, Any], name: str) -> bool | None:
    said = ready.get("checks", {}).get(name)
    return None if said is None else said == "ok"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
