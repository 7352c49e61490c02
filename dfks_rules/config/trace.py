"""The settings of `trace`: where messages and decisions are exported to."""

from collections.abc import Iterator
from typing import Any

from dfks_rules.tracing.export import HepTarget
from dfks_rules.tracing.hep import Agent


def find_trace_mistakes(trace: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Contradictions, each with its place, to follow the name of the setting."""
    hep = trace.get("hep")
    if hep is None:
        if "key" in trace or trace["domains"]:
            name = "key" if "key" in trace else "domains"
            yield ("trace", name), "has no effect without `trace.hep`"
    elif not 0 < int(hep.rpartition(":")[2]) <= 65535:
        yield ("trace", "hep"), "has a port outside 1 to 65535"


def build_trace(trace: dict[str, Any]) -> HepTarget | None:
    """The collector; None where there is none.

    Args:
        trace: the settings of `trace`, complete.
    """
    hep = trace.get("hep")
    if hep is None:
        return None
    host, _, port = hep.removeprefix("udp:").rpartition(":")
    agent = Agent(trace["id"], trace.get("key", "").encode())
    domains = frozenset(domain.lower() for domain in trace["domains"])
    return HepTarget(host.strip("[]"), int(port), agent, domains)
