"""What time will change for a user."""

from datetime import datetime, timedelta

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, OFF, Deadline, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Surroundings
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.policy.studying.coming import Cause, Coming, coming, depends_on
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, policies
from tests.helpers.states import forwarding

RULES = """
- id: lunch
  when: {op: get, feature: DoNotDisturb, time: {during: lunch}}
  then: {status: 1}
- id: hidden
  when: {op: get, feature: CallForwardingAlways, time: {ge: "20:00"}}
  then: {assigned: false}
"""
HEAD = 'schedules: {lunch: {weekly: ["Mon-Fri 12:30-13:00"]}}'


def _at(hour: int, minute: int = 0) -> datetime:
    return NOON.replace(hour=hour, minute=minute)


def _until(at: datetime, feature: Feature = DND) -> Deadline:
    return Deadline(feature, int(at.timestamp()), "p/for-a-while")


def _coming(snapshot: Snapshot, rules: str = RULES, hours: int = 12) -> list[Coming]:
    until = NOON + timedelta(hours=hours)
    moments = coming(policies(rules, HEAD), ALICE, snapshot, NOON, until, NOWHERE)
    return [one for some in moments for one in some]


def test_what_rules_show_from_some_moment_on_is_told() -> None:
    """With the rule that decides it, or did; a feature that is hidden has no state."""
    assert _coming(NOTHING_STORED, hours=11) == [
        Coming(_at(12, 30), DND, Cause.SHOWS, OFF, ON, "p/lunch"),
        Coming(_at(13), DND, Cause.SHOWS, ON, OFF, "p/lunch"),
        Coming(_at(20), CFA, Cause.SHOWS, OFF, None, "p/hidden"),
    ]
    assert len(_coming(NOTHING_STORED)) == 4, "and is told again from midnight on"


def test_what_is_on_anyway_does_not_change() -> None:
    """Alice has pressed the key."""
    assert _coming(NOTHING_STORED.replace(DND, ON), hours=2) == []


def test_what_expires_is_told_and_what_is_shown_follows_from_it() -> None:
    """Lunch begins before the deadline and ends after it."""
    stored = NOTHING_STORED.replace(DND, ON).replace(CFA, forwarding(True, "1"))
    stored = stored._replace(deadlines=(_until(_at(12, 45)), _until(_at(11), CFA)))
    assert _coming(stored, hours=2) == [
        Coming(NOON, CFA, Cause.EXPIRES, forwarding(True, "1"), forwarding(False, "1"), _RULE),
        Coming(_at(12, 45), DND, Cause.EXPIRES, ON, OFF, _RULE),
        Coming(_at(13), DND, Cause.SHOWS, ON, OFF, "p/lunch"),
    ]


_RULE = "p/for-a-while"


def test_what_rules_deny_stays_on() -> None:
    """It is told once, as what it comes to."""
    stored = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(_until(_at(14)),))
    rules = "- {id: no, when: {op: set, param: expired}, then: {deny: stays}}"
    assert _coming(stored, rules) == [Coming(_at(14), DND, Cause.EXPIRES, ON, ON, _RULE)]


def test_a_deadline_within_a_second_is_at_its_end() -> None:
    """As the server stores it."""
    half = timedelta(seconds=0.5)
    at = NOON + half
    stored = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(_until(NOON),))
    rules = "- {id: on, when: {op: set}, then: {status: 1, expire: 4h}}"
    moments = coming(policies(rules), ALICE, stored, at, at + timedelta(hours=5), NOWHERE)
    told = [one.at for some in moments for one in some]
    assert told == [at, at + timedelta(hours=4) + half]


def test_a_rule_may_move_a_deadline_again_and_again() -> None:
    """Each is told; the end is the end of the hours asked about."""
    stored = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(_until(_at(13)),))
    rules = "- {id: on, when: {op: set}, then: {status: 1, expire: 4h}}"
    assert [one.at for one in _coming(stored, rules)] == [_at(13), _at(17), _at(21)]


def test_what_others_have_stored_may_have_to_be_read() -> None:
    """Whoever asks fetches it, and asks again."""

    def missing(_aor: Aor) -> Snapshot:
        raise StoreError("store_not_known", "fetch it")

    rules = """
    - id: loop
      when: {op: get, feature: CallForwardingAlways, target.loop: true, time: {ge: "13:00"}}
      then: {status: 0}
    """
    stored = NOTHING_STORED.replace(CFA, forwarding(True, "sip:bob@example.com"))
    moments = coming(
        policies(rules), ALICE, stored, NOON, NOON + timedelta(hours=2), Surroundings(missing)
    )
    with pytest.raises(StoreError):
        list(moments)


def test_what_is_not_known_before_a_request_is_named() -> None:
    """Of what rules about gets read: counts that nobody gave, and what a phone says of itself."""
    rules = """
        - id: g
          when: {op: get, userAgent: {has: Poly}, group.a.DoNotDisturb.on: 1,
                 group.b.DoNotDisturb.on: 1}
          then: {status: 1}
        - {id: s, when: {op: set, rate.user: {gt: 3}, source.ip: 10.0.0.1}, then: {deny: no}}
    """
    counts, of_a_phone = depends_on(policies(rules), {"group.a.DoNotDisturb.on"})
    assert (counts, of_a_phone) == (["group.b.DoNotDisturb.on"], ["userAgent"])
    assert depends_on(policies("[]"), {}) == ([], [])
