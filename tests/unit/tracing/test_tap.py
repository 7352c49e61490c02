"""What is seen of messages and decisions: a real notifier, in simulated time."""

from typing import Any

from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.tracing.entries import Decided, Message
from dfks_rules.transport.round_robin import Excess
from tests.helpers.playbook import DND_ON, FLOW, message
from tests.helpers.policy import ALICE, BOB, DND, NOON, ON, OPERATOR, policies
from tests.helpers.stores import SlowStore
from tests.helpers.traced import BEGAN, Exported, TracedBook, entries_of, lines_of

_SUBSCRIBE = "│◀── SUBSCRIBE ─────────────│"
_OK = "│─── 200 OK ───────────────▶│"
_NOTIFY = "│─── NOTIFY ───────────────▶│"


def _lines(book: TracedBook, user: Aor = ALICE) -> list[str]:
    """The trace of somebody: arrows without peers, and sentences without rules and ids."""
    shown = []
    for line in lines_of(book.trace(user, 0)):
        arrow, _, rest = line.partition("│  ")
        sentence = rest.strip().partition(" by ")[0].partition(" [")[0]
        shown.append(f"{arrow}│" if arrow else sentence)
    return shown


def test_a_set_is_decided_between_the_request_and_its_answer() -> None:
    """The decision is settled after both were handed to the transport, and shown before."""
    book = TracedBook()
    book.trace(ALICE)
    book.receive(message(b"SUBSCRIBE", DND_ON))
    assert _lines(book) == [
        _SUBSCRIBE,
        "set DoNotDisturb on: allowed, changed",
        "told DoNotDisturb on, CallForwardingAlways off, CallForwardingBusy off, "
        "CallForwardingNoAnswer off",
        _OK,
        _NOTIFY,
    ]


def test_a_set_that_the_store_takes_long_for_is_shown_where_it_was_decided() -> None:
    """Another message may come in between; the decision has the Call-ID of its own request."""
    store = SlowStore()
    book = TracedBook(store=store)
    book.trace(ALICE)
    book.receive(message(b"SUBSCRIBE", DND_ON, call_id=b"pressed"))
    book.loop.run_until(0.1)
    store.settle()
    book.end_turn()
    decided = [one for one in entries_of(book.trace(ALICE, 0)) if isinstance(one, Decided)]
    assert {one.call_id for one in decided} == {"pressed"}
    lines = _lines(book)
    assert lines.index("set DoNotDisturb on: allowed, changed") < lines.index(_OK)


def test_a_refusal_is_shown_before_its_answer() -> None:
    """Who reads the trace sees the rule, then what the phone was told."""
    rule = "- {id: no, when: {op: subscribe}, then: {deny: {reason: closed, text: Closed}}}"
    book = TracedBook(policies(rule))
    book.trace(ALICE)
    book.receive(message())
    assert _lines(book) == [
        _SUBSCRIBE,
        "subscribe: refused, closed (Closed)",
        "│─── 403 Closed ───────────▶│",
    ]


def test_what_is_sent_again_is_seen_as_often() -> None:
    """Timer E, and the repeat of a request that is answered by its transaction."""
    book = TracedBook()
    book.trace(ALICE)
    book.receive(message())
    book.loop.run_until(2.0)
    book.receive(message())
    assert _lines(book)[2:] == [_OK, _NOTIFY, _NOTIFY, _NOTIFY, _SUBSCRIBE, _OK]


def test_malformed_and_refused_messages_are_seen() -> None:
    """It is these that somebody traces for."""
    book = TracedBook()
    book.trace(ALICE)
    book.receive(message(cseq=b"x"))
    book.receive(message(via=None))
    book.driver.refuse(message(call_id=b"much"), FLOW, Excess.RATE)
    book.receive(message(b"SUBSCRIBE", b"<x", call_id=b"body"))
    book.end_turn()
    lines = [line for line in _lines(book) if line.startswith("│─── ")]
    assert [line[5:8] for line in lines] == ["400", "503", "400"]
    assert _lines(book).count(_SUBSCRIBE) == 4


def test_messages_of_others_are_not_kept() -> None:
    """Nor their decisions."""
    book = TracedBook()
    book.trace(BOB)
    book.receive(message())
    assert _lines(book, BOB) == []
    assert book.traces.counts["messages"] == 0


def test_a_watcher_is_traced_as_well_as_a_presentity() -> None:
    """A secretary's phone sets what is her boss's."""
    book = TracedBook(policies("- {id: yes, when: {op: subscribe}, then: {allow: true}}"))
    book.trace(BOB)
    book.receive(message(**{"from": b"<sip:bob@example.com>;tag=phone"}))
    assert _lines(book, BOB) == [
        _SUBSCRIBE,
        "sip:bob@example.com at sip:alice@example.com: subscribe: allowed",
        "sip:bob@example.com at sip:alice@example.com: told DoNotDisturb off, "
        "CallForwardingAlways off, CallForwardingBusy off, CallForwardingNoAnswer off",
        _OK,
        _NOTIFY,
    ]


def test_a_user_who_is_written_with_escapes_is_found() -> None:
    """RFC 3261 §19.1.4: `%61lice` is `alice`."""
    book = TracedBook()
    book.trace(ALICE)
    book.receive(
        message(
            uri=b"sip:%61lice@EXAMPLE.com",
            to=b"<sip:%61lice@example.com>",
            **{"from": b"<sip:a%6Cice@example.com>;tag=1"},
        )
    )
    assert _lines(book)[0] == _SUBSCRIBE


def test_an_operators_set_is_shown_without_a_call_id() -> None:
    """Then the NOTIFY that it leads to."""
    book = TracedBook()
    book.receive(message())
    trace = book.trace(ALICE)
    book.book.features.set(ALICE, [Asked(DND, ON)], OPERATOR, NOON, 1.0, lambda *_: None)
    book.end_turn()
    decided, *_ = entries_of(trace)
    assert isinstance(decided, Decided)
    assert (decided.call_id, decided.origin) == ("", "operator")
    assert _lines(book)[0].startswith("operator at sip:alice@example.com: set DoNotDisturb on")


def test_a_failure_of_the_store_is_shown() -> None:
    """Before the 503."""
    store = SlowStore()
    book = TracedBook(store=store)
    book.trace(ALICE)
    book.receive(message(b"SUBSCRIBE", DND_ON))
    store.settle(StoreError("store_unavailable", "disk is full"))
    book.end_turn()
    assert _lines(book)[1:] == [
        "sip:alice@example.com: the store failed: disk is full",
        "│─── 503 Service Unavail… ─▶│",
    ]


def test_credentials_are_blanked_and_long_bodies_cut_before_they_are_kept() -> None:
    """Nobody has to think of it later."""
    book = TracedBook()
    trace = book.trace(ALICE)
    secret = b'Digest username="a", nonce="n0nce", response="r3sponse"'
    book.receive(message(b"SUBSCRIBE", b"b" * 9_000, authorization=secret))
    first = entries_of(trace)[0]
    assert isinstance(first, Message)
    assert b"n0nce" not in first.data
    assert b"r3sponse" not in first.data
    assert first.length - len(first.data) == 9_000 - 4_096


def test_keep_alives_are_not_seen() -> None:
    """Empty lines and STUN are about nobody, and no collector takes them."""
    exported = Exported()
    book = TracedBook(exporter=exported)
    book.trace(ALICE)
    book.receive(b"\r\n\r\n")
    book.receive(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12))
    assert book.book.endpoint.counts["stun_requests"] == 1
    assert exported.messages == []


def test_everything_is_exported_with_its_decisions() -> None:
    """In the order in which it makes sense, the decision with the flow of its request."""
    exported = Exported()
    book = TracedBook(exporter=exported)
    book.receive(message(b"SUBSCRIBE", DND_ON))
    book.receive(b"what is this?")
    assert [one.data[:9] for one in exported.messages] == [
        b"SUBSCRIBE",
        b"SIP/2.0 2",
        b"NOTIFY si",
        b"what is t",
    ]
    ((decided, ask),) = exported.decisions
    assert ask is not None
    assert (decided.call_id, ask.flow) == ("call-1", FLOW)
    assert decided.at == exported.messages[1].at == BEGAN
    assert book.traces.counts["messages"] == 0


def test_only_what_is_about_the_domains_is_exported() -> None:
    """A sample: one tenant of many."""
    exported = Exported("acme.example")
    book = TracedBook(exporter=exported)
    book.receive(message(b"SUBSCRIBE", DND_ON))
    assert (exported.messages, exported.decisions) == ([], [])
    acme: dict[str, Any] = {"uri": b"sip:zoe@ACME.example", "to": b"<sip:zoe@acme.example>"}
    acme |= {"from": b"<sip:zoe@acme.example>;tag=1", "call_id": b"acme"}
    book.receive(message(b"SUBSCRIBE", DND_ON, via=_VIA, **acme))
    assert len(exported.messages) == 3
    assert [decided.call_id for decided, _ in exported.decisions] == ["acme"]


def test_addresses_and_transport_are_those_of_the_flow() -> None:
    """A port that cannot be is the highest one: peers write anything into Via."""
    exported = Exported()
    book = TracedBook(exporter=exported)
    listener = Listener("tls", "2001:db8::1", 5061)
    book.tap.sent(message(), Flow(listener, ("2001:db8::7", 99_999), 4))
    book.end_turn()
    (sent,) = exported.messages
    assert sent.transport == "tls"
    assert (sent.local, sent.remote) == (("2001:db8::1", 5061), ("2001:db8::7", 65_535))
    assert sent.is_sent


def test_a_bug_of_ours_costs_no_call() -> None:
    """It is counted, and logged once."""

    class Broken(Exported):
        def message(self, message: Message) -> None:
            raise RuntimeError("bug")

    book = TracedBook(exporter=Broken())
    trace = book.trace(ALICE)
    with capture_logs() as logs:
        book.receive(message())
        book.tap.hear(None)  # type: ignore[arg-type]
        book.tap.sent(None, FLOW)  # type: ignore[arg-type]
    assert [sent.status for sent in book.book.sent()] == [200, 0]
    assert [log["event"] for log in logs] == ["trace_failed"]
    assert book.tap.counts["failures"] == 5
    assert len(entries_of(trace)) == 4


def test_a_turn_that_sees_very_much_is_passed_on_meanwhile() -> None:
    """What waits for the end of the turn is bounded."""
    exported = Exported()
    book = TracedBook(exporter=exported)
    for _ in range(600):
        book.tap.received(message(), FLOW)
    assert len(exported.messages) == 500
    book.end_turn()
    assert len(exported.messages) == 600


_VIA = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKother"
