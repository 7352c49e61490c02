"""The table of streams, without sockets."""

import pytest
import structlog

from dfks_rules.sip.flow import Flow, Listener, TransportName
from dfks_rules.sip.host import network_of
from dfks_rules.transport.connections import Connections, Refusal
from dfks_rules.transport.limits import ConnectionLimits

_LISTENER = Listener("tcp", "192.0.2.1", 5060)


class _Stream:
    """What the table knows of a stream."""

    is_open = True

    def __init__(self, table: Connections, host: str, port: int = 5060) -> None:
        self.flow = Flow(_LISTENER, (host, port), table.next_number())
        self.asked_for = self.flow.remote
        self.is_ours = False
        self.source = network_of(host)
        self.deadline = 10.0
        self.expired = 0
        table.add(self)

    def takes(self, data: bytes) -> bool:
        """All."""
        return True

    def write(self, data: bytes) -> None:
        """Nowhere."""

    def expire(self) -> None:
        """Keep that it was called."""
        self.expired += 1

    def close(self) -> None:
        """Nothing to close."""


async def test_streams_are_found_by_number_and_by_peer() -> None:
    """A response goes by the one, a NOTIFY by the other."""
    table = Connections(ConnectionLimits())
    one, two = _Stream(table, "192.0.2.7"), _Stream(table, "192.0.2.8")
    assert table[one.flow.connection] is one
    assert table.to(TransportName.TCP, ("192.0.2.8", 5060)) is two
    assert table.to(TransportName.TCP, ("192.0.2.8", 5061)) is None
    table.remove(two)
    table.remove(two)
    assert table.to(TransportName.TCP, ("192.0.2.8", 5060)) is None
    assert (len(table), table[two.flow.connection]) == (1, None)


async def test_stream_that_was_forgotten_leaves_its_successor_alone() -> None:
    """A half-closed connection ends after another one to the same peer was opened."""
    table = Connections(ConnectionLimits())
    old = _Stream(table, "192.0.2.7")
    table.forget(old)
    new = _Stream(table, "192.0.2.7")
    table.remove(old)
    assert table.to(TransportName.TCP, ("192.0.2.7", 5060)) is new


async def test_places_are_limited_in_all_and_for_each_source() -> None:
    """Whoever leaves makes room."""
    table = Connections(ConnectionLimits(in_all=5, per_source=2))
    first = _Stream(table, "192.0.2.7", 1)
    assert table.refusal("192.0.2.7") is None
    _Stream(table, "192.0.2.7", 2)
    assert table.refusal("192.0.2.7") is Refusal.PER_SOURCE
    for host in ("192.0.2.8", "192.0.2.9", "192.0.2.10"):
        assert table.refusal(host) is None
        _Stream(table, host)
    assert table.refusal("192.0.2.11") is Refusal.IN_ALL
    table.remove(first)
    assert table.refusal("192.0.2.7") is None
    _Stream(table, "192.0.2.7", 3)
    table.most = 6
    assert table.refusal("192.0.2.7") is Refusal.PER_SOURCE, "the other one is still there"


async def test_only_what_is_due_expires() -> None:
    """At its deadline, not before."""
    table = Connections(ConnectionLimits())
    early, late = _Stream(table, "192.0.2.7"), _Stream(table, "192.0.2.8")
    late.deadline = 10.5
    table.expire(9.9)
    table.expire(10.0)
    assert (early.expired, late.expired) == (1, 0)


async def test_time_goes_on_for_the_others_after_one_failed_to_expire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistake must not keep silent connections open for good."""
    table = Connections(ConnectionLimits())
    broken = _Stream(table, "192.0.2.7")
    broken.deadline = 0.0
    monkeypatch.setattr(broken, "expire", None)
    with pytest.raises(TypeError):
        table._sweep()
    assert table._sweeping is not None
    table._sweeping.cancel()


async def test_refusals_are_counted_and_logged_once_a_minute() -> None:
    """20,000 lines help nobody."""
    table = Connections(ConnectionLimits())
    with structlog.testing.capture_logs() as lines:
        for _ in range(1000):
            table.refused("192.0.2.7", Refusal.PER_SOURCE)
        table.paused(Refusal.IN_ALL)
    assert [(line["event"], line["source"], line["limit"]) for line in lines] == [
        ("connections_refused", "192.0.2.7", "per_source")
    ]
    assert (table.counts["connections_refused"], table.counts["accept_paused"]) == (1000, 1)


async def test_streams_are_counted_by_transport() -> None:
    """Also one that is removed twice."""
    table = Connections(ConnectionLimits())
    one, _ = _Stream(table, "192.0.2.7"), _Stream(table, "192.0.2.8")
    assert table.by_transport == {TransportName.TCP: 2}
    for _ in range(2):
        table.remove(one)
    assert table.by_transport == {TransportName.TCP: 1}
