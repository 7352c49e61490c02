"""Tracing as a whole, on a real event loop."""

import asyncio
import json
from collections.abc import AsyncGenerator

from dfks_rules.model.identity import Aor
from dfks_rules.operations.traces import MAX_TRACES, TraceForm, TraceRequest
from dfks_rules.tracing import tracing as module
from dfks_rules.tracing.export import HepTarget
from dfks_rules.tracing.hep import Agent
from dfks_rules.tracing.ring import MAX_BYTES
from dfks_rules.tracing.tap import Tap
from dfks_rules.tracing.tracing import Tracing
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import ALICE
from tests.helpers.traced import BEGAN


class _Traced:
    """Tracing, and the tap that it has switched on."""

    def __init__(self, target: HepTarget | None = None) -> None:
        self.tap: Tap | None = None
        self.tracing = Tracing(self._observe, lambda: BEGAN, "abc", target)

    def _observe(self, tap: Tap | None) -> None:
        self.tap = tap

    def receive(self, data: bytes) -> None:
        assert self.tap is not None
        self.tap.received(data, FLOW)

    def watch(self, seconds: float = 60, after: int = 0, **rest: object) -> AsyncGenerator[bytes]:
        request = TraceRequest(ALICE, seconds, TraceForm.EVENTS, after)
        pieces = self.tracing.trace(request._replace(**rest))  # type: ignore[arg-type]
        assert isinstance(pieces, AsyncGenerator)
        return pieces


def _types(piece: bytes) -> list[str]:
    return [line[7:] for line in piece.decode().splitlines() if line.startswith("event: ")]


async def test_nothing_is_looked_at_until_somebody_traces() -> None:
    """One `if` per message is all that it costs; it is off again when he has gone."""
    traced = _Traced()
    assert traced.tap is None
    pieces = traced.watch()
    assert traced.tap is None
    assert _types(await anext(pieces)) == ["trace"]
    assert traced.tap is not None
    await pieces.aclose()
    assert traced.tap is None


async def test_messages_are_shown_as_they_pass() -> None:
    """What comes together goes in one piece."""
    traced = _Traced()
    pieces = traced.watch()
    await anext(pieces)
    coming = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    for number in range(3):
        traced.receive(message(cseq=b"%d SUBSCRIBE" % number))
    assert _types(await coming) == ["message"] * 3
    assert traced.tracing.counts["viewers"] == 1
    await pieces.aclose()
    assert traced.tracing.counts["viewers"] == 0


async def test_a_trace_ends_when_its_time_is_over() -> None:
    """The client is told so."""
    traced = _Traced()
    told = [_types(piece) async for piece in traced.watch(0.05)]
    assert told == [["trace"], ["end"]]
    assert traced.tap is None


async def test_who_comes_later_sees_what_is_kept() -> None:
    """And nothing twice: the id of the last event says what is known."""
    traced = _Traced()
    first = traced.watch()
    await anext(first)
    traced.receive(message())
    traced.receive(message(cseq=b"2 SUBSCRIBE"))
    await asyncio.sleep(0)
    assert [_types(one) async for one in traced.watch(0)] == [["trace"], ["message"] * 2, ["end"]]
    (_, piece, _) = [one async for one in traced.watch(0, 1)]
    assert _types(piece) == ["message"]
    assert piece.startswith(b"id: 2\n")
    # Of another life of the server.
    assert len([one async for one in traced.watch(0, 500)]) == 3
    await first.aclose()


async def test_who_is_too_slow_is_told_of_the_gap() -> None:
    """The ring is bounded, whoever reads it."""
    traced = _Traced()
    pieces = traced.watch()
    await anext(pieces)
    traced.receive(message())
    assert _types(await anext(pieces)) == ["message"]
    long = message(subject=b"x" * 10_000)
    for _ in range(2 * MAX_BYTES // 10_000):
        traced.receive(long)
    await asyncio.sleep(0)
    piece = await anext(pieces)
    assert _types(piece)[:2] == ["gap", "message"]
    lost = json.loads(piece.split(b"data: ")[1].split(b"\n")[0])["lost"]
    assert lost == traced.tracing.counts["lost"] - 1
    await pieces.aclose()


async def test_many_entries_are_rendered_in_portions() -> None:
    """None may hold the loop for long."""
    traced = _Traced()
    first = traced.watch()
    await anext(first)
    for _ in range(2 * module.PORTION + 1):
        traced.receive(message())
    await asyncio.sleep(0)
    pieces = [_types(one) async for one in traced.watch(0)]
    assert [len(one) for one in pieces] == [1, module.PORTION, module.PORTION, 1, 1]
    await first.aclose()


async def test_long_entries_are_rendered_in_smaller_portions() -> None:
    """What takes long is a matter of bytes, too."""
    traced = _Traced()
    first = traced.watch()
    await anext(first)
    for _ in range(10):
        traced.receive(message(subject=b"x" * 15_000))
    await asyncio.sleep(0)
    pieces = [_types(one) async for one in traced.watch(0)]
    assert [len(one) for one in pieces] == [1, 5, 5, 1]
    await first.aclose()


async def test_a_quiet_client_hears_that_it_goes_on() -> None:
    """Proxies close what is silent."""
    traced = _Traced()
    traced.tracing.rest = 0.01
    pieces = traced.watch()
    await anext(pieces)
    assert await anext(pieces) == b": still here\n\n"
    await pieces.aclose()


async def test_another_domain_is_not_seen() -> None:
    """A token of a tenant shows what is between users of the tenant."""
    traced = _Traced()
    pieces = traced.watch(0.2, domains=frozenset(["example.com"]))
    await anext(pieces)
    traced.receive(message())
    traced.receive(message(**{"from": b"<sip:eve@other.example>;tag=1"}))
    assert [_types(one) async for one in pieces] == [["message"], ["end"]]
    assert traced.tracing.counts["messages"] == 2


async def test_too_many_traces_are_refused() -> None:
    """Memory is bounded."""
    traced = _Traced()
    many = [traced.watch(user=Aor(f"u{number}", "h")) for number in range(MAX_TRACES)]
    for pieces in many:
        await anext(pieces)
    request = TraceRequest(ALICE, 60, TraceForm.EVENTS)
    assert traced.tracing.trace(request) is None
    assert traced.tracing.counts["running"] == MAX_TRACES
    for pieces in many:
        await pieces.aclose()
    late = traced.tracing.trace(request)
    assert late is not None


async def test_the_end_of_the_server_ends_traces() -> None:
    """Nobody who looks on keeps it from stopping, and nobody begins again."""
    traced = _Traced()
    pieces = traced.watch()
    await anext(pieces)
    traced.tracing.end()
    assert _types(await anext(pieces)) == ["end"]
    assert traced.tracing.trace(TraceRequest(ALICE, 60, TraceForm.TEXT)) is None
    late = traced.tracing
    await late.close()


async def test_an_export_looks_at_everything() -> None:
    """From the beginning to the end, whether somebody traces or not."""
    traced = _Traced(HepTarget("127.0.0.1", 9, Agent(1, b"")))
    traced.tracing.open()
    traced.receive(message())
    await asyncio.sleep(0)
    assert traced.tracing.counts["hep_dropped"] + traced.tracing.counts["hep_sent"] == 1
    traced.tracing.end()
    assert traced.tap is not None
    await traced.tracing.close()
