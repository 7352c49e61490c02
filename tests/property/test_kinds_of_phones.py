"""Whatever kind of phone, whatever it says and the network does, in the end it shows what holds.

Profiles, entity-tags, proof of addresses, challenges and Retry-After meet here; each has tests of
its own.
"""

import re
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.package import Limits, SubscriptionLimits
from dfks_rules.presence.profile import Profile, Profiles, Row
from dfks_rules.presence.proof import Proof
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.digest_client import Secret
from dfks_rules.sip.flow import Flow
from tests.helpers.playbook import LISTENER, Playbook, Sent, message, tag_of
from tests.helpers.policy import ALICE, NOON, OPERATOR, policies
from tests.helpers.states import forwarding

_KINDS = {
    "plain": Profile("plain"),
    "single": Profile("single", multipart=False),
    "short": Profile("short", max_body=700),
    "echoing": Profile("echoing", echoes_ignored=True),
    "single echoing": Profile("single echoing", multipart=False, echoes_ignored=True),
    "repeating": Profile("repeating", refreshes_from=0.25),
    "short repeating": Profile("short repeating", max_body=700, refreshes_from=0.25),
}
_POLICIES = policies("[{id: agents, when: {feature: AgentState}, then: {assigned: true}}]")
_SECRET = Secret(b"us", {Algorithm.MD5: ha1_of(Algorithm.MD5, "us", "phones", "secret")})
_CHALLENGE = b'WWW-Authenticate: Digest realm="phones", nonce="%d", qop="auth"\r\n'
_DOCUMENT = re.compile(rb"<(\w+Event) .*?</\1>", re.DOTALL)
_KIND = re.compile(rb"<forwardingType>(\w+)<")
_SETS = [
    b"<SetDoNotDisturb><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>",
    b"<SetDoNotDisturb><doNotDisturbOn>false</doNotDisturbOn></SetDoNotDisturb>",
    b"<SetForwarding><forwardDN>1</forwardDN><forwardingType>forwardBusy</forwardingType>"
    b"<activateForward>true</activateForward></SetForwarding>",
    b"<SetAgentState><requestedAgentState>ready</requestedAgentState></SetAgentState>",
    b"<SetAgentState><requestedAgentState>loggedOff</requestedAgentState></SetAgentState>",
]
_NUMBERS = st.integers(0, 2)
_FEATURES = [
    (Feature.DO_NOT_DISTURB, FeatureState(True)),
    (Feature.DO_NOT_DISTURB, FeatureState(False)),
    (Feature.CALL_FORWARDING_ALWAYS, forwarding(True, "7")),
    (Feature.CALL_FORWARDING_ALWAYS, forwarding(False, "7")),
    (Feature.CALL_FORWARDING_BUSY, forwarding(True, "8")),
]


def _documents(notify: Sent) -> dict[bytes, bytes]:
    found = {}
    for document in _DOCUMENT.finditer(notify.body):
        kind = _KIND.search(document[0])
        name = b"agent" if document[1].startswith(b"Agent") else document[1]
        found[kind[1] if kind else name] = document[0]
    return found


def _flow(host: int) -> Flow:
    return Flow(LISTENER, (f"192.0.2.{host}", 5060))


class _Phone:
    def __init__(self, number: int, dialog: int, kind: str) -> None:
        self.kind, self.dialog = kind, dialog
        self.to = b"<sip:alice@example.com>"
        self.cseq = self.highest = 0
        self.tag = b""
        self.is_quenched = False
        self.shows: dict[bytes, bytes] = {}
        self.way: list[Sent] = []
        """NOTIFYs on their way to it."""

    def read(self, notify: Sent) -> None:
        """Unless it has read a later one (RFC 3261 §12.2.2)."""
        if notify.cseq >= self.highest:
            self.highest, self.tag = notify.cseq, notify.headers[b"SIP-ETag"]
            self.shows |= _documents(notify)


class _World:
    """Three phones of Alice's, of any kind, an operator, and a network that loses and delays."""

    def __init__(self, per_user: int | None, with_secret: bool, strangers: bool) -> None:
        self.numbers = count(1)
        self.phones: dict[int, _Phone] = {}
        secrets = {b"phones": _SECRET} if with_secret else {}
        self.book = Playbook(
            _POLICIES,
            Limits(subscriptions=SubscriptionLimits(None, per_user)),
            logins=Logins(secrets, lambda: b"%d" % next(self.numbers)),
            profiles=Profiles([Row((name,), kind) for name, kind in _KINDS.items()]),
            strangers=True,
        )
        for number in () if strangers else range(3):
            self.book.notifier.guard.contacts.add(_flow(10 + number))

    def arrive(self, number: int, kind: str) -> None:
        """A phone of some kind makes a dialog."""
        if number not in self.phones:
            self.phones[number] = _Phone(number, next(self.numbers), kind)
            self._subscribe(number, b"", b"")

    def ask(self, number: int, body: bytes, condition: str) -> None:
        """A key, or a refresh."""
        phone = self.phones.get(number)
        if phone is not None:
            known = {"none": b"", "tag": phone.tag, "star": b"*"}[condition]
            self._subscribe(number, body, known)

    def restart(self, number: int, with_tag: bool) -> None:
        """A phone makes a new dialog, and remembers what it knew."""
        old = self.phones.get(number)
        if old is not None:
            new = self.phones[number] = _Phone(number, next(self.numbers), old.kind)
            new.tag, new.shows = old.tag, old.shows
            self._subscribe(number, b"", new.tag if with_tag else b"")

    def operate(self, what: tuple[Feature, FeatureState]) -> None:
        """An operator sets something."""
        asked, now = [Asked(*what)], self.book.now
        self.book.features.set(ALICE, asked, OPERATOR, NOON, now, lambda *_: None)
        self._take(self.book.sent())

    def publish(self, body: bytes) -> None:
        """A PBX sets something."""
        number = next(self.numbers)
        data = message(
            b"PUBLISH",
            body,
            cseq=b"%d PUBLISH" % number,
            call_id=b"pbx-%d" % number,
            via=b"SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKp%d" % number,
        )
        self._take(self.book.receive(data, _flow(99)))

    def tell_again(self) -> None:
        """An operator has everybody told."""
        self.book.notifier.refresh_watchers(ALICE, NOON, self.book.now)
        self._take(self.book.sent())

    def carry(self, number: int, fate: str) -> None:
        """The network carries the NOTIFY that is longest on its way, and perhaps the answer."""
        phone = self.phones.get(number)
        if phone is None or not phone.way:
            return
        notify = phone.way.pop(0)
        if fate in ("read", "ok"):
            phone.read(notify)
        answers = {
            "ok": (200, b""),
            "busy": (503, b"Retry-After: 100\r\n"),
            "who": (401, _CHALLENGE % next(self.numbers)),
            "gone": (481, b""),
        }
        if fate in answers:
            self._take(self.book.answer(notify, *answers[fate]))
        self._forget_ended()

    def wait(self, seconds: float) -> None:
        """Time passes, and nobody is told twice for nothing."""
        end = self.book.now + seconds
        while self.book.now < end:
            self._take(self.book.pass_time(min(0.5, end - self.book.now)))
        self._forget_ended()
        self._take(self.book.pass_time(1.0))
        deadline = self.book.notifier.next_deadline()
        assert deadline is None or deadline > self.book.now, "it would do nothing else"

    def settle(self) -> None:
        """Each phone reads what is on its way and accepts it; then it shows what holds."""
        for _ in range(100):
            for number in list(self.phones):
                while number in self.phones and self.phones[number].way:
                    self.carry(number, "ok")
            self._take(self.book.pass_time(7.0))
            self._forget_ended()
        self._check()

    def _check(self) -> None:
        """Who is told anything shows what a fetch tells."""
        alive = {one.dialog.call_id: one for one in self.book.notifier.subscriptions}
        true = self._fetch()
        for phone in self.phones.values():
            subscription = alive[b"call-%d" % phone.dialog]
            if subscription.proof is not Proof.UNPROVED and not phone.is_quenched:
                assert phone.shows == true, phone.kind

    def _fetch(self) -> dict[bytes, bytes]:
        self.book.notifier.guard.contacts.add(_flow(55))
        number = next(self.numbers)
        data = message(
            expires=b"0",
            call_id=b"fetch-%d" % number,
            contact=b"<sip:alice@192.0.2.55>",
            via=b"SIP/2.0/UDP 192.0.2.55;branch=z9hG4bKf%d" % number,
        )
        return _documents(self.book.receive(data, _flow(55))[-1])

    def _subscribe(self, number: int, body: bytes, condition: bytes) -> None:
        phone = self.phones[number]
        phone.cseq += 1
        branch = b"%d-%d" % (phone.dialog, phone.cseq)
        data = message(
            body=body,
            expires=b"3600",
            to=phone.to,
            call_id=b"call-%d" % phone.dialog,
            cseq=b"%d SUBSCRIBE" % phone.cseq,
            via=b"SIP/2.0/UDP 192.0.2.%d;rport;branch=z9hG4bK%b" % (10 + number, branch),
            contact=b"<sip:alice@192.0.2.%d>" % (10 + number),
            user_agent=phone.kind.encode(),
            suppress_if_match=condition or None,
        )
        sent = self.book.receive(data, _flow(10 + number))
        if any(one.status in (200, 204) for one in sent):
            phone.is_quenched = condition == b"*"
        self._take(sent)
        self._forget_ended()

    def _take(self, sent: list[Sent]) -> None:
        phones = {b"call-%d" % phone.dialog: phone for phone in self.phones.values()}
        for one in sent:
            phone = phones.get(one.headers[b"Call-ID"])
            if phone is None:
                continue
            if one.status in (200, 204) and b";tag=" not in phone.to:
                phone.to += b";tag=" + tag_of(one)
            elif not one.status and one not in phone.way:
                phone.way.append(one)

    def _forget_ended(self) -> None:
        alive = {one.dialog.call_id for one in self.book.notifier.subscriptions}
        self.phones = {n: p for n, p in self.phones.items() if b"call-%d" % p.dialog in alive}


_FATES = ["lost", "read", "ok", "ok", "busy", "who", "gone"]
_CONDITIONS = st.sampled_from(["none", "none", "tag", "star"])
_DEEDS = st.one_of(
    st.tuples(st.just("arrive"), _NUMBERS, st.sampled_from(sorted(_KINDS))),
    st.tuples(st.just("ask"), _NUMBERS, st.sampled_from([b"", b"", *_SETS]), _CONDITIONS),
    st.tuples(st.just("restart"), _NUMBERS, st.booleans()),
    st.tuples(st.just("operate"), st.sampled_from(_FEATURES)),
    st.tuples(st.just("publish"), st.sampled_from(_SETS)),
    st.tuples(st.just("tell_again")),
    st.tuples(st.just("carry"), _NUMBERS, st.sampled_from(_FATES)),
    st.tuples(st.just("carry"), _NUMBERS, st.sampled_from(_FATES)),
    st.tuples(st.just("settle")),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 3.0, 40.0, 70.0])),
)


@settings(max_examples=300, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(sorted(_KINDS)), max_size=3),
    deeds=st.lists(_DEEDS, min_size=4, max_size=25),
    per_user=st.sampled_from([None, None, 1, 2]),
    with_secret=st.booleans(),
    strangers=st.booleans(),
)
def test_in_the_end_every_phone_shows_what_holds(
    kinds: list[str],
    deeds: list[tuple[Any, ...]],
    per_user: int | None,
    with_secret: bool,
    strangers: bool,
) -> None:
    """Unless it wants to hear of nothing, or its address is not proved."""
    world = _World(per_user, with_secret, strangers)
    for number, kind in enumerate(kinds):
        world.arrive(number, kind)
    for name, *arguments in deeds:
        getattr(world, name)(*arguments)
    world.settle()
