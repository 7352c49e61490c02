"""Time changes what phones are shown: they are told by themselves."""

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.presence.edges import LONGEST, PORTION
from dfks_rules.service.ports import Fetched
from dfks_rules.store.memory import MemoryStore
from tests.helpers.playbook import Playbook, Sent, default_policies, message
from tests.helpers.policy import ALICE, DND, NOON, OPERATOR, policies

NIGHT = """
- id: night
  when: {op: get, feature: DoNotDisturb, user: {ne: guard}, time: {ge: "12:05"}}
  then: {status: 1}
"""
AT_DESKS = """
- id: night
  when: {op: get, feature: DoNotDisturb, userAgent: {has: Desk}, time: {ge: "12:05"}}
  then: {status: 1}
"""
FIVE = 300.0
HOUR = 3600.0
SOON = LONGEST + 1
_ON = re.compile(rb"<doNotDisturbOn>true<")


class Day(Playbook):
    """A notifier whose clocks go together, from noon on."""

    clock = 0.0
    """How far somebody has set the clock ahead, s."""

    def wait(self, seconds: float) -> list[Sent]:
        """Let time pass as the driver does, and confirm what is sent."""
        until, sent = self.now + seconds, self._confirm(self.sent())
        while True:
            due = self.notifier.next_deadline()
            if due is None or due > until:
                break
            sent += self._confirm(self._pass_to(max(due, self.now + 0.001)))
        return sent + self._confirm(self._pass_to(until))

    def _pass_to(self, now: float) -> list[Sent]:
        return self.pass_time(now - self.now, NOON + timedelta(seconds=now + self.clock))

    def _confirm(self, sent: list[Sent]) -> list[Sent]:
        told = [*sent]
        for one in told:
            told += self.answer(one)
        return told

    def watch(self, user: str = "alice", agent: bytes | None = None) -> None:
        """A phone subscribes to its user."""
        aor = f"<sip:{user}@example.com>".encode()
        name = user.encode() + (agent or b"")
        changes: dict[str, bytes | None] = {
            "to": aor,
            "from": aor + b";tag=" + name,
            "call_id": name,
            "user_agent": agent,
        }
        via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK" + name
        changes |= {"via": via, "uri": aor[1:-1], "expires": b"86400"}
        response, notify = self.receive(message(b"SUBSCRIBE", b"", **changes))
        assert response.status == 200
        self.answer(notify)


def told(sent: Sequence[Sent]) -> list[tuple[bytes, bool]]:
    """Whose NOTIFYs they are, and whether the key is lit."""
    return [(one.headers[b"Call-ID"], bool(_ON.search(one.body))) for one in sent]


def test_a_key_is_lit_at_the_edge_and_not_before() -> None:
    """Nobody has touched anything; who sees the same is told nothing."""
    day = Day(policies(NIGHT))
    day.pass_time(0.0, NOON)
    day.watch()
    day.watch("guard")
    assert day.wait(FIVE - 1) == []
    [notify] = day.wait(2)
    assert told([notify]) == [(b"alice", True)]
    assert b"forward" not in notify.body
    assert day.wait(60) == []
    counts = day.notifier.counts
    assert (counts["edges_passed"], counts["edges_told"], counts["edges_untold"]) == (1, 1, 0)


def test_it_is_told_only_to_whom_it_looks_otherwise() -> None:
    """Where rules look at the phone, each has its own decision."""
    day = Day(policies(AT_DESKS))
    day.pass_time(0.0, NOON)
    day.watch(agent=b"Desk-1")
    day.watch(agent=b"Mobile-1")
    assert told(day.wait(FIVE + 1)) == [(b"aliceDesk-1", True)]


def test_what_is_on_anyway_changes_for_nobody() -> None:
    """Alice has pressed the key herself."""
    day = Day(policies(NIGHT))
    day.pass_time(0.0, NOON)
    day.watch()
    asked = Asked(DND, FeatureState(status=True))
    day.features.set(ALICE, [asked], OPERATOR, NOON, day.now, lambda *_: None)
    assert told(day.wait(1)) == [(b"alice", True)]
    assert day.wait(FIVE + 1) == []
    assert day.notifier.counts["edges_passed"] == 1


@pytest.mark.parametrize(
    "rules",
    [
        None,
        "- {id: r, when: {op: get, feature: DoNotDisturb}, then: {status: 1}}",
        "- {id: r, when: {op: set, time: {ge: '12:05'}}, then: {status: 1}}",
    ],
)
def test_nothing_wakes_a_server_whose_gets_do_not_look_at_the_time(rules: str | None) -> None:
    """An idle one sleeps."""
    day = Day(default_policies() if rules is None else policies(rules))
    day.pass_time(0.0, NOON)
    assert day.notifier.next_deadline() is None


def struck(many: int) -> tuple[Day, list[str], list[Sent]]:
    """So many phones at the edge of five past twelve, and what the first portion is told."""
    day = Day(policies(NIGHT))
    day.pass_time(0.0, NOON)
    users = [f"u{number}" for number in range(many)]
    for user in users:
        day.watch(user)
    day.wait(FIVE - 1)
    first = day.pass_time(1.0, NOON + timedelta(seconds=FIVE))
    assert len(first) == PORTION
    return day, users, first


def evening() -> Day:
    """At noon, a phone whose key is lit at six."""
    day = Day(policies(NIGHT.replace("12:05", "18:00")))
    day.pass_time(0.0, NOON)
    day.watch()
    return day


def test_a_clock_that_is_set_over_an_edge_is_noticed_in_seconds() -> None:
    """The same when the machine has slept: monotonic time did not pass."""
    day = evening()
    day.clock = 6 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", True)]
    assert day.wait(60) == []


def test_a_clock_that_is_set_back_over_an_edge_puts_the_lights_out() -> None:
    """And they are lit again when it is that time again."""
    day = evening()
    day.clock = 7 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", True)]
    day.clock = 5 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", False)]
    assert told(day.wait(HOUR)) == [(b"alice", True)]
    assert day.notifier.counts["edges_passed"] == 3


def test_a_clock_that_is_set_back_over_no_edge_tells_nobody() -> None:
    """Nor does it look at anybody."""
    day = evening()
    day.wait(HOUR)
    day.clock = -HOUR
    assert day.wait(HOUR) == []
    day.clock = 7 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", True)]
    day.clock = 6 * HOUR
    assert day.wait(HOUR) == []
    assert day.notifier.counts["edges_passed"] == 1


def test_a_clock_that_is_corrected_by_seconds_puts_out_no_light() -> None:
    """It would be lit again at once."""
    day = evening()
    day.clock = 6 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", True)]
    day.clock -= 20
    assert day.wait(60) == []
    assert day.notifier.counts["edges_passed"] == 1


def test_a_clock_that_is_set_over_two_edges_tells_what_differs_in_the_end() -> None:
    """What was shown in between has nobody to see it."""
    day = evening()
    day.clock = 18 * HOUR
    assert day.wait(60) == []
    assert day.notifier.counts["edges_passed"] == 1
    day.clock = 31 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", True)]


def test_a_clock_that_is_set_while_phones_are_told_is_right_in_the_end() -> None:
    """Who was not looked at yet is not left behind."""
    day, users, sent = struck(2 * PORTION)
    for one in sent:
        day.answer(one)
    day.clock = -HOUR
    lit = dict(told(sent + day.wait(60)))
    assert lit == dict.fromkeys([user.encode() for user in users], False)


def test_where_no_edge_is_near_it_is_looked_for_again() -> None:
    """A weekday comes every week; this rule changes something in spring."""
    spring = "schedules: {spring: {tz: UTC, also: [2026-04-01 08:00-18:00]}}"
    day = Day(policies(NIGHT.replace('ge: "12:05"', "during: spring"), spring))
    day.pass_time(0.0, NOON)
    day.watch()
    day.clock = 80 * 24 * HOUR
    assert day.wait(SOON) == []
    day.clock = 86 * 24 * HOUR
    assert told(day.wait(SOON)) == [(b"alice", True)]


def test_other_policies_have_other_edges() -> None:
    """A reload sets the timer anew."""
    day = Day(policies(NIGHT))
    day.pass_time(0.0, NOON)
    day.watch()
    day.live.activate(policies(NIGHT.replace("12:05", "12:02")))
    day.pass_time(1.0, NOON + timedelta(seconds=1))
    assert told(day.wait(121)) == [(b"alice", True)]
    day.live.activate(default_policies())
    day.pass_time(1.0, NOON + timedelta(seconds=day.now + 1))
    assert day.notifier.edges.next_deadline() is None


def test_an_edge_that_passes_while_policies_change_is_told() -> None:
    """A reload may keep the server for longer than it takes until the edge."""
    day = Day(policies(NIGHT))
    day.pass_time(0.0, NOON)
    day.watch()
    assert day.wait(FIVE - 1) == []
    day.live.activate(policies(NIGHT.replace("id: night", "id: late")))
    sent = day.pass_time(2.0, NOON + timedelta(seconds=FIVE + 1))
    assert told(sent[:1]) == [(b"alice", True)]


def test_an_edge_that_nobody_was_there_to_tell_is_told_after_the_start() -> None:
    """The life before has ended at half past eleven."""
    day = Day(policies(NIGHT.replace("12:05", "11:45")))
    day.notifier.edges.go_on_from(NOON - timedelta(minutes=30))
    day.watch()
    assert told(day.wait(1)) == [(b"alice", True)]
    assert day.wait(60) == []


def test_many_are_gone_through_in_portions() -> None:
    """Other phones are served in between; each is told once."""
    day, users, first = struck(3 * PORTION)
    assert day.notifier.next_deadline() == day.now
    for one in first:
        day.answer(one)
    rest = day.wait(1)
    assert sorted(told(first + rest)) == sorted((user.encode(), True) for user in users)


class _Forgets(MemoryStore):
    """Has to be asked for what it knows."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.is_known = True
        self.asked: list[Fetched] = []

    def known(self, presentity: Aor) -> Snapshot:
        """Not before it is fetched."""
        return super().known(presentity) if self.is_known else None  # type: ignore[return-value]

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """The answer comes later."""
        self.asked.append(done)


def _forgotten(rules: PolicySet) -> tuple[Day, _Forgets]:
    store = _Forgets()
    day = Day(rules, store=store)
    day.pass_time(0.0, NOON)
    day.watch()
    store.is_known = False
    assert day.wait(FIVE + 1) == []
    assert len(store.asked) == 1
    return day, store


def test_what_is_not_known_is_fetched_first() -> None:
    """Of several nodes, none has everything in memory."""
    day, store = _forgotten(policies(NIGHT))
    store.is_known = True
    store.asked[0](None, day.now)
    assert told(day.wait(1)) == [(b"alice", True)]


def test_what_cannot_be_read_is_told_to_nobody_and_counted() -> None:
    """It is told with the next refresh."""
    day, store = _forgotten(policies(NIGHT))
    store.asked[0](StoreError("store_unavailable", "away"), day.now)
    assert day.wait(60) == []
    assert day.notifier.counts["edges_untold"] == 1
    assert day.notifier.edges.next_deadline() is not None
