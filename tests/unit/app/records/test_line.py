"""The log line of a set; that it is written is in `test_logs`."""

import pytest

from dfks_rules.app.records.line import PlainGets, event_of, tell
from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF, FeatureState
from dfks_rules.model.gets import Came, Got
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.service.feed import Event, Failed, Settled
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, PHONE, policies, set_
from tests.helpers.states import forwarding

BOB = Aor("bob", "example.com")


def _outcome(after: FeatureState, who: Requester, denial: Denial | None = None) -> Outcome:
    decision = Decision(ON, True, NotifyScope.ALL, denial, ("p/r",), {}, (), "5e1f")
    request = set_(CFA if after.values else DND, after, requester=who)
    return Outcome(request, decision, OFF, after, ON, NOTHING_STORED, NOON, NOWHERE)


def _told(outcome: Outcome) -> dict[str, object]:
    line: dict[str, object] = {}
    tell(outcome, line)
    return line


@pytest.mark.parametrize(
    ("watcher", "said"),
    [(ALICE, "sip:alice@example.com"), (BOB, "sip:bob@example.com"), (None, None)],
)
def test_a_line_says_who_has_asked(watcher: Aor | None, said: str | None) -> None:
    """Nobody is named where it followed from something else."""
    line = _told(_outcome(ON, Requester(Origin.WATCHER, watcher)))
    assert line["presentity"] == "sip:alice@example.com"
    assert line["watcher"] == said


def test_each_line_has_the_same_keys_in_the_same_order() -> None:
    """With the values that usual features may have, said or not."""
    who = Requester(Origin.WATCHER, ALICE)
    plain, forwarded = (_told(_outcome(ON, who)), _told(_outcome(forwarding(True, "12"), who)))
    assert [*plain] == [*forwarded]
    assert (plain["forward_to"], forwarded["forward_to"]) == (None, "12")
    assert plain["ring_count"] is None


def test_a_refusal_is_another_event_with_its_reason() -> None:
    """Operators search for either."""
    who = Requester(Origin.WATCHER, ALICE)
    allowed, refused = _outcome(ON, who), _outcome(ON, who, Denial("toll-fraud"))
    assert (event_of(allowed), _told(allowed)["reason"]) == ("feature_set", None)
    assert (event_of(refused), _told(refused)["reason"]) == ("feature_set_denied", "toll-fraud")


def test_a_plain_get_is_counted_and_all_else_is_passed_on() -> None:
    """Of a get that is denied, or that a rule wants logged, there is something to say."""
    counts, others = {"gets": 0}, list[Event]()
    plain = PlainGets(counts, others.append)
    got, logged = (_got(rules) for rules in ("[]", "- {id: r, then: {log: seen}}"))
    plain.hear(_settled(got))
    assert (counts, others) == ({"gets": got.count}, [])
    events: list[Event] = [_settled(logged), _settled((_outcome(ON, PHONE),)), _failed()]
    for event in events:
        plain.hear(event)
    assert (counts, others) == ({"gets": got.count}, events)


def _got(rules: str) -> Got:
    gets = policies(rules).decide_gets(ALICE, PHONE, NOTHING_STORED, NOON)
    return Got(gets, ALICE, PHONE, NOTHING_STORED, NOON, NOWHERE)


def _settled(came: Came) -> Settled:
    return Settled(ALICE, came, 1, PHONE, NOON, 0.0)


def _failed() -> Failed:
    return Failed(ALICE, StoreError("store_unavailable", "full"), PHONE, 0.0)
