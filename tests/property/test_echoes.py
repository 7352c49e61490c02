"""Two phones that send back what they are told, and an operator: nobody is undone, no storm.

The phones and the network are simulated, the notifier is real. A phone shows a feature as it was
told last, or as its key was pressed since. What a NOTIFY changes it sends back as a set, as phones
do that take it for a change of their own. Whatever it sends arrives in order, and so does what it
is sent.
"""

import heapq
from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.model.features import FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.profile import Profile, Profiles, Row
from dfks_rules.sip.flow import Flow
from tests.helpers.playbook import LISTENER, Playbook, Sent, default_policies, message, tag_of
from tests.helpers.policy import ALICE, DND, NOON, OPERATOR

ECHOING = Profile("echoing", echoes_ignored=True)
STEP = 0.05
"""How often the server looks at the clock, s."""
_BODY = b"<SetDoNotDisturb><device/><doNotDisturbOn>%b</doNotDisturbOn></SetDoNotDisturb>"
_SAID = b"<doNotDisturbOn>true<"


@dataclass
class EchoingPhone:
    """A phone of Alice's, which tells the network what to carry."""

    number: int
    answers_first: bool
    """Whether it answers a NOTIFY before it sends it back."""
    is_storming: bool = False
    """Whether it sends back what it shows already, too."""
    shows: bool = False
    tag: bytes = b""
    cseq: int = 0
    sets: int = 0
    seen: set[bytes] = field(default_factory=set)

    @property
    def flow(self) -> Flow:
        return Flow(LISTENER, (f"192.0.2.{10 + self.number}", 5060))

    def subscribe(self, on: bool | None = None) -> bytes:
        """A SUBSCRIBE, with a set or without."""
        self.cseq += 1
        tag = b";tag=" + self.tag if self.tag else b""
        self.sets += on is not None
        return message(
            body=b"" if on is None else _BODY % (b"true" if on else b"false"),
            via=b"SIP/2.0/UDP 192.0.2.%d;rport;branch=z9hG4bK%d" % (10 + self.number, self.cseq),
            call_id=b"call-%d" % self.number,
            to=b"<sip:alice@example.com>" + tag,
            cseq=b"%d SUBSCRIBE" % self.cseq,
            contact=b"<sip:alice@192.0.2.%d>" % (10 + self.number),
            expires=b"3600",
            user_agent=b"Echo/1",
        )

    def receive(self, sent: Sent) -> list[tuple[bytes, bool]]:
        """Take a message; gives what it sends, each with whether it is an echo."""
        if sent.status:
            self.tag = self.tag or tag_of(sent)
            return []
        answer = _ok(sent), False
        if sent.headers[b"CSeq"] in self.seen:
            return [answer]
        self.seen.add(sent.headers[b"CSeq"])
        if b"<DoNotDisturbEvent" not in sent.body:
            return [answer]
        told = _SAID in sent.body
        was, self.shows = self.shows, told
        if told == was and not self.is_storming:
            return [answer]
        echo = self.subscribe(told), True
        return [answer, echo] if self.answers_first else [echo, answer]


def _ok(notify: Sent) -> bytes:
    names = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    lines = [b"%b: %b\r\n" % (name, notify.headers[name]) for name in names]
    return b"SIP/2.0 200 OK\r\n" + b"".join(lines) + b"Content-Length: 0\r\n\r\n"


class World:
    """The server, its phones, and the messages on their way."""

    def __init__(
        self, phones: list[EchoingPhone], profile: Profile, delays: Random, longest: float
    ) -> None:
        self.book = Playbook(default_policies(), profiles=Profiles([Row(("Echo/*",), profile)]))
        self.phones = phones
        self._delays, self._longest = delays, longest
        self._way: list[tuple[float, int, int, bool, object, bool]] = []
        self._numbers = count()
        self._last: dict[tuple[int, bool], float] = {}
        self.meant = False
        """What the last of the people wanted, in the order in which the server learned of it."""
        self.carried = 0
        for phone in phones:
            self.post(phone, phone.subscribe(), is_echo=False)
        self.run(5)

    @property
    def stored(self) -> bool:
        """Whether the feature is on."""
        return self.book.stored(ALICE).state(DND).status

    def post(self, phone: EchoingPhone, data: bytes, *, is_echo: bool) -> None:
        """Have the network carry something to the server."""
        self._carry(phone.number, True, data, is_echo)

    def _carry(self, number: int, to_server: bool, what: object, is_echo: bool) -> None:
        now, line = self.book.now, (number, to_server)
        arrival = max(self._last.get(line, 0.0), now + self._delays.uniform(0, self._longest))
        self._last[line] = arrival
        heapq.heappush(self._way, (arrival, next(self._numbers), number, to_server, what, is_echo))
        self.carried += 1

    def press(self, phone: EchoingPhone) -> None:
        """Somebody presses the key of a phone."""
        phone.shows = not phone.shows
        self.post(phone, phone.subscribe(phone.shows), is_echo=False)

    def operate(self, on: bool) -> None:
        """An operator sets the feature."""
        asked = [Asked(DND, FeatureState(on))]
        self.meant = on
        self.book.features.set(
            ALICE, asked, OPERATOR, NOON, self.book.now, lambda outcomes, now: None
        )
        self._deliver(self.book.sent())

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.book.now + seconds
        while self.book.now < end:
            self._deliver(self.book.pass_time(STEP))
            while self._way and self._way[0][0] <= self.book.now:
                _, _, number, to_server, what, is_echo = heapq.heappop(self._way)
                phone = self.phones[number]
                if to_server:
                    assert isinstance(what, bytes)
                    if b"SetDoNotDisturb" in what and not is_echo:
                        self.meant = b">true<" in what
                    self._deliver(self.book.receive(what, phone.flow))
                    self.check()
                else:
                    assert isinstance(what, Sent)
                    for data, echo in phone.receive(what):
                        self.post(phone, data, is_echo=echo)

    def _deliver(self, messages: list[Sent]) -> None:
        for sent in messages:
            number = int(sent.flow.remote[0].rpartition(".")[2]) - 10
            self._carry(number, False, sent, False)

    def check(self) -> None:
        """What holds after each message; nothing by default."""

    def settle(self) -> int:
        """Let everything come to rest; gives how many messages that took."""
        before = self.carried
        self.run(60)
        calm = self.carried
        self.run(60)
        assert self.carried == calm, "the phones still drive one another"
        return calm - before


class StrictWorld(World):
    """One in which what people want is what is stored, at each moment."""

    def check(self) -> None:
        assert self.stored == self.meant


DEEDS = st.lists(
    st.tuples(st.sampled_from(["press 0", "press 1", "on", "off"]), st.floats(0, 3)), max_size=12
)


def _live(world: World, deeds: list[tuple[str, float]]) -> None:
    for deed, pause in deeds:
        if deed.startswith("press"):
            world.press(world.phones[int(deed[-1])])
        else:
            world.operate(deed == "on")
        world.run(pause)


@settings(max_examples=60, deadline=None)
@given(deeds=DEEDS, seed=st.integers(0, 2**32), is_storming=st.booleans())
def test_no_echo_undoes_and_no_key_is_ignored(
    deeds: list[tuple[str, float]], seed: int, is_storming: bool
) -> None:
    """The two promises of `presence.display`, at each moment, and in the end all show the same."""
    phones = [EchoingPhone(number, True, is_storming) for number in (0, 1)]
    world = StrictWorld(phones, ECHOING, Random(seed), 0.2)
    _live(world, deeds)
    took = world.settle()
    assert [phone.shows for phone in phones] == [world.meant] * 2
    assert took < 100


@settings(max_examples=60, deadline=None)
@given(
    deeds=DEEDS,
    seed=st.integers(0, 2**32),
    answers_first=st.booleans(),
    longest=st.sampled_from([0.05, 0.4, 1.5]),
)
def test_phones_that_send_before_they_answer_settle_as_well(
    deeds: list[tuple[str, float]], seed: int, answers_first: bool, longest: float
) -> None:
    """Of them, and over slow networks, an echo may count as a set; they still come to rest."""
    phones = [EchoingPhone(number, answers_first) for number in (0, 1)]
    world = World(phones, ECHOING, Random(seed), longest)
    _live(world, deeds)
    world.settle()
    assert [phone.shows for phone in phones] == [world.stored] * 2


def test_without_the_profile_two_quick_presses_make_a_storm() -> None:
    """What is seen in the field; otherwise the tests above would prove nothing."""
    phones = [EchoingPhone(number, True) for number in (0, 1)]
    world = World(phones, Profile("plain"), Random(1), 0.1)
    world.press(phones[0])
    world.press(phones[0])
    with pytest.raises(AssertionError, match="still drive"):
        world.settle()
