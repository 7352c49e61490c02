"""Phones that change nodes all the time, on an engine that is away now and then.

One seed makes one history; a failure prints it. Node by node the feed is heard late, commits and
adoptions take as long as chance says, nodes are killed and others claim what they had.

A phone may be told something older for a moment: by a node that has lost the dialog, and does not
know yet, the newest; then, once more, by the one that has it what that knew when it took it over.
"""

import random
import re
from typing import NamedTuple

import pytest

from dfks_rules.model.features import FeatureState, values_from
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Value
from tests.helpers.lives import subscribe
from tests.helpers.nodes import Node, PlayedEngine
from tests.helpers.playbook import Sent
from tests.helpers.policy import ALICE, CFA, NOON, OPERATOR

SEEDS = range(1, 31)
STEPS = 250
_SET = (
    b"<SetForwarding><forwardDN>%d</forwardDN><forwardingType>forwardImmediate</forwardingType>"
    b"<activateForward>true</activateForward></SetForwarding>"
)
_TOLD = re.compile(rb"<forwardingType>forwardImmediate.*?<forwardTo>(\d+)", re.DOTALL)


class Waiting(NamedTuple):
    """A SUBSCRIBE that its phone has no answer to."""

    data: bytes
    cseq: int
    value: int
    """What it sets; 0 for nothing."""


class Phone:
    """Subscribes, and remembers what it was told."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.generation = 0
        self.begin()

    def begin(self) -> None:
        """A new dialog."""
        self.generation += 1
        self.call = self.number * 1_000 + self.generation
        self.cseq = 0
        self.to: bytes | None = None
        self.heard: dict[bytes, int] = {}
        """Tag of a dialog → the highest CSeq of a NOTIFY; copies of the first SUBSCRIBE that is not
        answered may begin several."""
        self.said: dict[tuple[bytes, int], bytes] = {}
        """Tag and CSeq → body of each NOTIFY."""
        self.shows = 0
        self.waiting: Waiting | None = None

    def next(self, value: int) -> bytes:
        """The next SUBSCRIBE."""
        self.cseq += 1
        body = _SET % value if value else b""
        more = {} if self.to is None else {"to": self.to}
        data = subscribe(self.call, self.cseq, body, expires=b"3600", **more)
        self.waiting = Waiting(data, self.cseq, value)
        return data


class Story:
    """One history."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.engine = PlayedEngine()
        self.epochs = 0
        self.nodes = [self.begun() for _ in range(3)]
        self.phones = [Phone(number) for number in range(1, 5)]
        self.values = 0
        self.answered: set[int] = set()
        """Values whose sets were answered 200."""
        self.now = 0.0
        self.log: list[str] = []

    def begun(self) -> Node:
        """A new life of a node."""
        self.epochs += 1
        node = Node(self.engine, self.epochs)
        if self.epochs > 3:
            node.book.now = self.now
        return node

    def play(self) -> None:
        """All of it; then everything comes to rest."""
        for _ in range(STEPS):
            self.step()
        self.engine.is_away = False
        for _ in range(40):
            for phone in self.phones:
                if phone.waiting is not None:
                    self.deliver(self.random.choice(self.nodes), phone.waiting.data)
            for node in self.nodes:
                self.take(node, node.store_rests())
                self.take(node, node.hear())
            self.pass_time(2.0, is_lossy=False)

    def step(self) -> None:
        """Something happens."""
        node, phone = self.random.choice(self.nodes), self.random.choice(self.phones)
        kind = self.random.random()
        if kind < 0.35:
            self.speak(node, phone)
        elif kind < 0.45:
            if phone.waiting is not None:
                self.deliver(node, phone.waiting.data)
        elif kind < 0.55:
            self.values += 1
            state = FeatureState(True, values_from({Value.FORWARD_TO: str(self.values)}))
            if not self.engine.is_away:
                self.log.append(f"operator sets {self.values} at {node.store.term}")
                asked = [Asked(CFA, state)]
                node.book.features.set(ALICE, asked, OPERATOR, NOON, node.now, lambda *_: None)
                self.take(node, node.book.sent())
        elif kind < 0.7:
            self.take(node, node.hear(self.random.randint(1, 5)))
        elif kind < 0.75:
            self.engine.is_away = not self.engine.is_away
        elif kind < 0.85:
            self.take(node, node.store_rests())
        elif kind < 0.87 and not self.engine.is_away:
            self.kill(node)
        else:
            self.pass_time(self.random.choice((0.1, 0.3, 1.0, 3.0)), is_lossy=True)

    def speak(self, node: Node, phone: Phone) -> None:
        """A phone that is not waiting subscribes, refreshes or sets."""
        if phone.waiting is not None:
            return
        value = 0
        if self.random.random() < 0.5:
            self.values += 1
            value = self.values
        if self.random.random() < 0.3:
            node.store.held = node.store.held or []
        self.deliver(node, phone.next(value))

    def deliver(self, node: Node, data: bytes) -> None:
        """A SUBSCRIBE arrives."""
        what = re.search(rb"branch=z9hG4bK([0-9-]+)", data)
        assert what is not None
        self.log.append(f"{self.now} {what[1].decode()} to {node.store.term}")
        sent = node.book.receive(data)
        self.take(node, sent)
        if self.random.random() < 0.7:
            self.take(node, node.run())

    def kill(self, node: Node) -> None:
        """A node dies; another one claims what it had."""
        self.log.append(f"kill {node.store.term}")
        self.nodes.remove(node)
        other = self.random.choice(self.nodes)
        self.take(other, other.hear())
        changed = (ALICE,)
        other.claim(node, changed=changed)
        self.take(other, other.book.sent())
        self.nodes.append(self.begun())

    def pass_time(self, seconds: float, *, is_lossy: bool) -> None:
        """Time passes everywhere."""
        self.now += seconds
        for node in self.nodes:
            sent = node.book.pass_time(seconds)
            if not (is_lossy and self.random.random() < 0.2):
                self.take(node, sent)

    def take(self, node: Node, sent: list[Sent]) -> None:
        """Phones get what a node sends, and answer; some of it is lost."""
        todo = list(sent)
        while todo:
            one = todo.pop(0)
            if self.random.random() < 0.1:
                continue
            number = int(one.headers[b"Call-ID"][5:])
            phone = next((phone for phone in self.phones if phone.call == number), None)
            if one.status:
                if phone is not None:
                    self.answer(phone, one)
            elif phone is None:
                todo += node.book.answer(one, 481)
            else:
                todo += node.book.answer(one, self.notify(phone, one))

    def answer(self, phone: Phone, one: Sent) -> None:
        """A phone is answered."""
        waiting = phone.waiting
        if waiting is None or waiting.cseq != one.cseq or one.status < 200:
            return
        self.log.append(f"{phone.call} {one.cseq} answered {one.status}")
        assert one.status != 481, "it lives"
        if one.status >= 300:
            if one.status in (500, 503) and phone.to is None:
                return  # It comes again.
            phone.waiting = None if one.status != 503 else waiting
            return
        phone.waiting = None
        phone.to = one.headers[b"To"]
        if waiting.value:
            self.answered.add(waiting.value)

    def notify(self, phone: Phone, one: Sent) -> int:
        """A phone is told something; its answer."""
        self.log.append(f"{self.now} {phone.call} told {one.cseq} {_TOLD.findall(one.body)}")
        tag = one.headers[b"From"].partition(b"tag=")[2]
        if phone.to is not None and tag != phone.to.partition(b"tag=")[2]:
            # A copy of the SUBSCRIBE that began came late, and made another dialog.
            return 481
        known = phone.said.setdefault((tag, one.cseq), one.body)
        assert known == one.body, "two NOTIFYs have one CSeq"
        assert b"terminated" not in one.headers[b"Subscription-State"], "it lives"
        if one.cseq < phone.heard.get(tag, 0):
            # Its node has not heard yet that another one has the dialog (RFC 3261 §12.2.2).
            return 500
        phone.heard[tag] = one.cseq
        found = _TOLD.search(one.body)
        if found is not None:
            phone.shows = int(found[1])
        return 200


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_nodes_phones_speak_to_nothing_is_lost_or_done_twice(seed: int) -> None:
    """One owner of each dialog, no CSeq twice, no 481, each set once, the newest state shown."""
    story = Story(seed)
    try:
        story.play()
        applied = story.engine.applied
        values = [state.value(Value.FORWARD_TO) for state in applied]
        assert len(values) == len(set(values)), "a set was applied twice"
        assert {str(one) for one in story.answered} <= set(values), "an answered set is lost"
        newest = story.engine.state(ALICE).state(CFA).value(Value.FORWARD_TO)
        for phone in story.phones:
            if phone.to is None:
                continue
            tag = phone.to.partition(b"tag=")[2]
            owners = [one for one in story.nodes if one.book.notifier.subscriptions.has(tag)]
            assert len(owners) == 1, f"{phone.call} has {len(owners)} owners"
            assert str(phone.shows) == str(newest or 0), f"{phone.call} shows {phone.shows}"
    except Exception as error:
        error.add_note("\n".join(story.log))
        raise
