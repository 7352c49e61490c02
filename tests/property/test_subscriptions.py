"""Whatever phones and the network do, phones learn what is stored."""

from math import ceil

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.telling import LAST_REPEAT
from dfks_rules.sip.timers import TIMEOUT
from tests.helpers.playbook import DND_ON, Playbook, Sent, default_policies, message
from tests.helpers.policy import ALICE, NOON, OPERATOR

_PHONES = st.integers(1, 3)
_ON, _OFF = b"<doNotDisturbOn>true<", b"<doNotDisturbOn>false<"
_POLICIES = default_policies()


class _Phone:
    def __init__(self, call_id: bytes) -> None:
        self.call_id = call_id
        self.to = b"<sip:alice@example.com>"
        self.cseq = 0
        self.last = b""
        """Its newest SUBSCRIBE, repeated for 32 s at most (RFC 3261, timer F)."""
        self.asked_at = 0.0
        self.ends = 0.0
        """When its subscription ends unless it is refreshed."""
        self.highest = 0
        """CSeq of the newest NOTIFY."""
        self.pending: Sent | None = None
        """The NOTIFY that is to be answered."""
        self.lost = False
        """Whether a NOTIFY timed out, and none was confirmed since."""
        self.shows: bool | None = None
        """What its DND key says."""


class Subscriptions(RuleBasedStateMachine):
    """Three phones of Alice, an operator, and a network that loses NOTIFYs."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Playbook(_POLICIES)
        self.dialogs = 0
        self.phones: dict[int, _Phone] = {}

    def _take(self, sent: list[Sent]) -> None:
        for one in sent:
            phone = next(
                (p for p in self.phones.values() if p.call_id == one.headers[b"Call-ID"]),
                None,
            )
            if phone is None:
                continue
            if one.status:
                if one.status == 200:
                    phone.to = one.headers[b"To"]
                continue
            if phone.pending != one:
                assert one.cseq > phone.highest, "CSeq must rise"
            phone.highest, phone.pending = one.cseq, one

    def _subscribe(self, number: int, body: bytes, expires: bytes) -> None:
        if number not in self.phones:
            self.dialogs += 1
            self.phones[number] = _Phone(b"call-%d" % self.dialogs)
        phone = self.phones[number]
        phone.cseq += 1
        via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%b-%d" % (
            phone.call_id,
            phone.cseq,
        )
        phone.last = message(
            body=body, expires=expires, via=via, to=phone.to, call_id=phone.call_id,
            cseq=b"%d SUBSCRIBE" % phone.cseq,
        )  # fmt: skip
        phone.asked_at = self.book.now
        phone.ends = ceil(self.book.now + int(expires))
        self._take(self.book.receive(phone.last))

    @rule(number=_PHONES, expires=st.sampled_from([b"600", b"600", b"60", b"3600"]))
    def subscribe_or_refresh(self, number: int, expires: bytes) -> None:
        self._subscribe(number, b"", expires)

    @rule(number=_PHONES, on=st.booleans())
    def press(self, number: int, on: bool) -> None:
        body = DND_ON if on else DND_ON.replace(b"true", b"false")
        self._subscribe(number, body, b"600")

    @rule(number=_PHONES)
    def unsubscribe(self, number: int) -> None:
        if number in self.phones:
            self._subscribe(number, b"", b"0")
            del self.phones[number]

    @rule(on=st.booleans())
    def operator_sets(self, on: bool) -> None:
        asked = [Asked(Feature.DO_NOT_DISTURB, FeatureState(on))]
        self.book.features.set(ALICE, asked, OPERATOR, NOON, self.book.now, lambda *_: None)
        self._take(self.book.sent())

    @rule(number=_PHONES)
    def repeat(self, number: int) -> None:
        phone = self.phones.get(number)
        if phone is not None and self.book.now < phone.asked_at + TIMEOUT:
            sent = self.book.receive(phone.last)
            assert [one.status for one in sent] == [200], "a repeat causes no NOTIFY"

    @rule(seconds=st.sampled_from([0.5, 4.0, 32.0]))
    def lose(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.5)):
            self._take(self.book.pass_time(0.5))
        self._forget_ended()

    @rule()
    def wait_for_the_next_end(self) -> None:
        """What is not refreshed ends on time, however long it was granted before."""
        if self.phones:
            self._wait_until(min(phone.ends for phone in self.phones.values()))

    @rule()
    def everything_expires(self) -> None:
        self._wait_until(max((phone.ends for phone in self.phones.values()), default=0.0))
        assert len(self.book.notifier.subscriptions) == 0

    def _wait_until(self, moment: float) -> None:
        while self.book.now < moment:
            self._take(self.book.pass_time(min(30.0, moment - self.book.now)))
        for number, phone in list(self.phones.items()):
            if phone.ends <= moment:
                assert phone.pending is not None
                state = phone.pending.headers[b"Subscription-State"]
                assert state == b"terminated;reason=timeout"
                del self.phones[number]
        self._forget_ended()

    @rule()
    def what_was_lost_is_said_again(self) -> None:
        """A phone that is back, and neither asks nor hears of a change, learns what it missed."""
        ends = min((phone.ends for phone in self.phones.values()), default=0.0)
        moment = self.book.now + LAST_REPEAT
        if not moment < ends:
            return
        while self.book.now < moment:
            self._take(self.book.pass_time(10.0))
            for number in list(self.phones):
                self.answer(number, gone=False)
        stored = self.book.stored(ALICE).state(Feature.DO_NOT_DISTURB).status
        assert [p.shows for p in self.phones.values()] == [stored] * len(self.phones)

    def _forget_ended(self) -> None:
        alive = {s.dialog.call_id: s for s in self.book.notifier.subscriptions}
        self.phones = {n: p for n, p in self.phones.items() if p.call_id in alive}
        for phone in self.phones.values():
            if phone.pending is not None and alive[phone.call_id].outstanding is None:
                phone.pending, phone.lost = None, True

    @rule(number=_PHONES, gone=st.booleans())
    def answer(self, number: int, gone: bool) -> None:
        phone = self.phones.get(number)
        if phone is None or phone.pending is None:
            return
        notify, phone.pending, phone.lost = phone.pending, None, False
        if not gone and (_ON in notify.body or _OFF in notify.body):
            phone.shows = _ON in notify.body
        self._take(self.book.answer(notify, 481 if gone else 200))
        self._forget_ended()

    @rule()
    def everything_is_answered(self) -> None:
        for number in list(self.phones):
            if self.phones[number].lost and self.phones[number].pending is None:
                self._subscribe(number, b"", b"600")
            while number in self.phones and self.phones[number].pending is not None:
                self.answer(number, gone=False)
        stored = self.book.stored(ALICE).state(Feature.DO_NOT_DISTURB).status
        assert [p.shows for p in self.phones.values()] == [stored] * len(self.phones)

    @invariant()
    def one_notify_is_outstanding_for_each_dialog(self) -> None:
        live = [s for s in self.book.notifier.subscriptions if s.outstanding is not None]
        branches = {s.outstanding.branch for s in live if s.outstanding is not None}
        assert len(branches) == len(live)

    @invariant()
    def everything_that_ends_is_in_the_calendar(self) -> None:
        deadline = self.book.notifier.next_deadline()
        for subscription in self.book.notifier.subscriptions:
            assert deadline is not None
            assert deadline <= ceil(subscription.next_deadline())
        assert len(self.book.notifier.subscriptions) == len(self.phones)
        assert self.book.notifier.subscriptions.by_transport == [len(self.phones), 0, 0]


TestSubscriptions = Subscriptions.TestCase
TestSubscriptions.settings = settings(max_examples=60, stateful_step_count=30)
