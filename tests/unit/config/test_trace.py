"""`trace`: where messages and decisions are exported to."""

from typing import Any

import pytest

from dfks_rules.config.trace import build_trace, find_trace_mistakes
from dfks_rules.tracing.export import HepTarget
from dfks_rules.tracing.hep import Agent


def _mistakes(**trace: Any) -> list[str]:
    given = {"id": 2001, "domains": [], **trace}
    return [f"{'.'.join(way)} {message}" for way, message in find_trace_mistakes(given)]


def test_nothing_is_exported_unless_it_is_configured() -> None:
    """The default."""
    assert build_trace({"id": 2001, "domains": []}) is None
    assert _mistakes() == []


def test_a_collector_is_what_the_settings_say() -> None:
    """Domains in lower case, as they are compared."""
    given = {"hep": "udp:[2001:db8::5]:9060", "id": 7, "key": "k3y", "domains": ["ACME.example"]}
    assert _mistakes(**given) == []
    wanted = HepTarget("2001:db8::5", 9060, Agent(7, b"k3y"), frozenset(["acme.example"]))
    assert build_trace(given) == wanted
    assert build_trace({"hep": "udp:homer.example:9060", "id": 2001, "domains": []}) == HepTarget(
        "homer.example", 9060, Agent(2001, b"")
    )


@pytest.mark.parametrize(
    ("trace", "mistake"),
    [
        ({"hep": "udp:h:0"}, "trace.hep has a port outside 1 to 65535"),
        ({"hep": "udp:h:65536"}, "trace.hep has a port outside 1 to 65535"),
        ({"key": "k"}, "trace.key has no effect without `trace.hep`"),
        ({"domains": ["d"]}, "trace.domains has no effect without `trace.hep`"),
    ],
)
def test_contradictions_are_found(trace: dict[str, Any], mistake: str) -> None:
    """Else an operator waits for packets that never come."""
    assert _mistakes(**trace) == [mistake]
