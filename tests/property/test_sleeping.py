"""A server whose subscriptions sleep whenever they may sends what one sends where none sleeps."""

from random import Random
from typing import Any

import pytest

from dfks_rules.csta.style import USUAL
from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.profile import Profile, Profiles, Row
from dfks_rules.sip.flow import Flow
from tests.helpers.digest import TRUSTED
from tests.helpers.lives import Lives
from tests.helpers.playbook import DND_ON, LISTENER, Sent, default_policies, message
from tests.helpers.policy import ALICE, NOON, OPERATOR, policies
from tests.helpers.ways import TCP

_POLICIES = default_policies()
_PROFILES = Profiles(
    [
        Row(("Echo*",), Profile("echo", USUAL, echoes_ignored=True)),
        Row(("Seen*",), Profile("seen", USUAL, seen=True)),
    ]
)
_DND_OFF = DND_ON.replace(b"true", b"false")
_ENDED = 7
"""Number of the stream that ends now and then."""

_SEEDS = range(40)
_STEPS = 60


def _step(draw: Random) -> tuple[Any, ...]:
    """What happens next: mostly what keeps subscriptions alive, so that they have time to sleep."""
    what = draw.choices(
        ("subscribe", "answer", "fail", "operator", "refresh", "wait", "policies", "stream", "end"),
        (30, 35, 4, 8, 3, 25, 3, 3, 2),
    )[0]
    if what == "subscribe":
        body = draw.choice((b"", b"", DND_ON, _DND_OFF))
        expires = draw.choice((b"600", b"600", b"3600", b"3600", b"60", b"0"))
        condition = draw.choice((None, None, None, b"*", b"abc"))
        host = draw.choice((b"192.0.2.7", b"192.0.2.7", b"192.0.2.8", b"phone.example.com"))
        return what, draw.randrange(len(_KINDS)), body, expires, condition, host
    if what == "fail":
        return "answer", draw.choice((481, 500, 503, 503, 401))
    if what == "end":
        return (draw.choice(("crash", "stop")),)
    return {
        "answer": ("answer", 200),
        "operator": ("operator", draw.random() < 0.5),
        "refresh": ("refresh",),
        "wait": ("wait", draw.choice((0.5, 1.0, 40.0, 40.0, 90.0, 700.0))),
        "policies": ("policies", draw.random() < 0.7),
        "stream": ("stream",),
    }[what]


_KINDS: tuple[dict[str, Any], ...] = (
    {"user_agent": b"Usual/1"},
    {"user_agent": b"Echo/1", "event": b"as-feature-event;id=7"},
    {"user_agent": b"Seen/1", "record_route": b"<sip:192.0.2.9;lr>, <sip:192.0.2.10>"},
    {"p_asserted_identity": b"<sip:alice@example.com>", "from": b'"A" <sip:bob@example.com>;tag=p'},
)


class _World:
    """Phones of Alice's, and a server of which each message is kept."""

    def __init__(self, *, sleeps: bool, is_trusted: bool) -> None:
        self.lives = Lives(_POLICIES, profiles=_PROFILES, gate=_gate() if is_trusted else None)
        if sleeps:
            self.lives.sleep_at_once()
        self.lives.ways.open.add(_ENDED)
        self.to = dict.fromkeys(range(len(_KINDS)), b"<sip:alice@example.com>")
        self.cseq = dict.fromkeys(self.to, 0)
        self.pending: list[Sent] = []
        self.said: list[object] = []
        self.slept = 0

    def run(self, steps: list[tuple[Any, ...]]) -> None:
        for what, *about in steps:
            getattr(self, f"_{what}")(*about)
            book = self.lives.book
            self.slept = max(self.slept, book.notifier.subscriptions.asleep)
            self.said.append((book.now, dict(book.notifier.counts)))
        listed = [
            (one.dialog.pieces(), one.requester, one.presentity, one.deadline, one.row, one.device)
            for one in self.lives.book.notifier.subscriptions
        ]
        self.said.append(listed)

    def _take(self, sent: list[Sent]) -> None:
        self.said += sent
        for one in sent:
            if one.status == 0:
                self.pending.append(one)
            elif one.status == 200:
                number = int(one.headers[b"Call-ID"][-1:])
                self.to[number] = one.headers[b"To"]

    def _subscribe(
        self, number: int, body: bytes, expires: bytes, condition: bytes | None, host: bytes
    ) -> None:
        self.cseq[number] += 1
        is_stream = number == 2
        listener = TCP if is_stream else LISTENER
        via = b"SIP/2.0/%b 192.0.2.7:5062;rport;branch=z9hG4bK%d-%d" % (
            listener.transport.upper().encode(), number, self.cseq[number],
        )  # fmt: skip
        data = message(
            body=body, expires=expires, via=via, to=self.to[number], call_id=b"call-%d" % number,
            cseq=b"%d SUBSCRIBE" % self.cseq[number], contact=b"<sip:alice@%b:5062>" % host,
            suppress_if_match=condition, **_KINDS[number],
        )  # fmt: skip
        connection = _ENDED if is_stream and _ENDED in self.lives.ways.open else 0
        flow = Flow(listener, ("192.0.2.7", 5062), connection)
        self._take(self.lives.book.receive(data, flow))
        if expires == b"0":
            self.to[number] = b"<sip:alice@example.com>"

    def _answer(self, status: int) -> None:
        pending, self.pending = self.pending, []
        for one in pending:
            extra = b"Retry-After: 30\r\n" if status == 503 else b""
            self._take(self.lives.book.answer(one, status, extra))

    def _operator(self, on: bool) -> None:
        book = self.lives.book
        asked = [Asked(Feature.DO_NOT_DISTURB, FeatureState(on))]
        book.features.set(ALICE, asked, OPERATOR, NOON, book.now, lambda *_: None)
        self._take(book.sent())

    def _refresh(self) -> None:
        book = self.lives.book
        book.notifier.refresh_watchers(ALICE, NOON, book.now)
        self._take(book.sent())

    def _wait(self, seconds: float) -> None:
        ends = self.lives.book.now + seconds
        while self.lives.book.now < ends:
            self._take(self.lives.book.pass_time(min(5.0, seconds)))

    def _policies(self, are_default: bool) -> None:
        self.lives.book.live.activate(_POLICIES if are_default else _REJECTING)

    def _stream(self) -> None:
        self.lives.ways.open ^= {_ENDED}

    def _crash(self) -> None:
        self.lives.crash()
        self._wait(1.0)

    def _stop(self) -> None:
        self.lives.book.notifier.rest(self.lives.book.now)
        self._take(self.lives.book.sent())
        self.lives.crash()
        self._wait(1.0)


def _gate() -> Gate:
    return Gate(None, TRUSTED)


_REJECTING = policies(
    "  - {id: hide, when: {op: get, feature: DoNotDisturb}, then: {assigned: false}}\n"
    "  - {id: no, when: {op: subscribe, userAgent: Seen/1}, then: {deny: gone}}"
)


@pytest.mark.parametrize("seed", _SEEDS)
def test_what_sleeps_says_what_it_would_say_awake(seed: int) -> None:
    """Refreshes, sets, ends, failures, waits, policies, streams, restarts."""
    draw = Random(seed)
    steps = [_step(draw) for _ in range(_STEPS)]
    awake = _World(sleeps=False, is_trusted=seed % 2 == 0)
    asleep = _World(sleeps=True, is_trusted=seed % 2 == 0)
    awake.run(steps)
    asleep.run(steps)
    assert asleep.said == awake.said
    assert awake.slept == 0


def test_phones_of_all_kinds_sleep() -> None:
    """Or the test above would compare nothing."""
    world = _World(sleeps=True, is_trusted=True)
    for number in range(len(_KINDS)):
        world.run([("subscribe", number, b"", b"600", None, b"192.0.2.7"), ("answer", 200)])
    world.run([("wait", 40.0)])
    world.lives.book.sent()
    assert world.lives.book.notifier.subscriptions.asleep == len(_KINDS)
