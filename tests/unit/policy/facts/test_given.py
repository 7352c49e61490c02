"""Facts as people and logs write them, and the requests that have them."""

from contextlib import closing
from random import Random

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.facts import FACTS, WEEKDAYS
from dfks_rules.policy.facts.given import given_of, missing, view_of
from dfks_rules.policy.facts.view import View
from tests.helpers.drawing import seeded
from tests.helpers.policy import ALICE, policies
from tests.helpers.random_questions import question
from tests.helpers.states import agent

OUTSIDE = "outside the years 1900 to 2999"


def test_what_is_not_given_is_as_usual() -> None:
    """A case says only what it is about."""
    view = view_of({"op": "subscribe"})
    assert view.request.operation is Operation.SUBSCRIBE
    assert view.request.presentity == view.request.requester.watcher
    assert view.request.presentity == ALICE


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({}, "case has no `op`"),
        ({"op": "get"}, "case has no `feature`"),
        ({"op": "set", "feature": "DoNotDisturb"}, "case has no `request.status`"),
        ({"op": "subscribe", "date": "2026-02-30"}, "`2026-02-30` is not a calendar date"),
        ({"op": "subscribe", "date": "0001-01-01"}, f"`0001-01-01` is {OUTSIDE}"),
        (
            {"op": "subscribe", "now": "9999-12-31T23:00+00:00"},
            f"`9999-12-31T23:00+00:00` is {OUTSIDE}",
        ),
        ({"op": "subscribe"}, None),
    ],
)
def test_what_keeps_facts_from_being_a_request_is_told(
    facts: dict[str, str], problem: str | None
) -> None:
    """An author learns it in words, not by a crash."""
    assert missing(facts) == problem


@pytest.mark.parametrize("date", ["1900-01-01", "2999-12-31"])
def test_the_first_and_the_last_day_can_be_told_in_every_zone(date: str) -> None:
    """A step beyond the calendar is no answer to an author."""
    for weekday in WEEKDAYS:
        facts = {"op": "get", "feature": "DoNotDisturb", "date": date, "weekday": weekday}
        assert missing(facts) is None
        rule = "- {id: r, when: {op: get, time: {during: office}}, then: {status: 1}}"
        hours = 'schedules: {office: {tz: Asia/Tokyo, weekly: ["Daily 20:00-06:00"]}}'
        with closing(policies(rule, hours)) as policy_set:
            assert policy_set.decide_view(view_of(facts)).state.status


def test_a_request_has_no_derived_fact_that_its_operation_lacks() -> None:
    """A subscribe has no target, whatever somebody says that it is."""
    given = {"op": "subscribe", "target.kind": "code", "groups": ["sales"]}
    assert view_of(given).given == (("groups", ("sales",)),)


def test_a_request_has_no_derived_fact_that_its_feature_lacks() -> None:
    """Do Not Disturb has no target: a comparison must not show authors one."""
    given = {"op": "set", "feature": "DoNotDisturb", "request.status": 1, "target.class": "premium"}
    assert view_of(given).given == ()
    forwarding = view_of({**given, "feature": "CallForwardingBusy"})
    assert forwarding.given == (("target.class", "premium"),)


@seeded(100)
def test_facts_of_a_request_make_a_request_with_the_same_facts(random: Random) -> None:
    """What was recorded can be decided again."""
    view = View(*question(random))
    facts = given_of(view)
    assert missing(facts) is None
    again = view_of(facts)
    assert {name: fact.read(again) for name, fact in FACTS.items()} == {
        name: fact.read(view) for name, fact in FACTS.items()
    }


AGENT = {"op": "set", "feature": "AgentState"}


def test_numbers_are_said_where_a_target_has_several() -> None:
    """Logs stay short, and what is made of them has the same numbers."""
    given = {"op": "set", "feature": "CallForwardingBusy", "request.status": 1}
    one = given_of(view_of({**given, "request.forwardTo": "+442079460123"}))
    assert one["target.number"] == "+442079460123"
    assert "target.numbers" not in one
    assert FACTS["target.numbers"].read(view_of(one)) == ("+442079460123",)
    several = given_of(view_of({**given, "request.forwardTo": "+4420794601239999999"}))
    assert several["target.numbers"] == ("+4420794601239999999", "+442079460123")
    assert given_of(view_of(several)) == several


def test_a_word_says_the_status_as_well() -> None:
    """A case need not say both, and what is stored has both."""
    view = view_of({**AGENT, "request.state": "ready", "stored.state": "loggedOff"})
    assert missing({**AGENT, "request.state": "ready"}) is None
    assert view.request.asked == agent("ready")
    assert view.snapshot.state(Feature.AGENT_STATE) == agent("loggedOff")
    stored = view_of({"op": "subscribe", "AgentState.status": 1}).snapshot
    assert stored.state(Feature.AGENT_STATE) == agent("ready")


@pytest.mark.parametrize("prefix", ["request", "stored", "AgentState"])
def test_a_status_and_a_word_that_contradict_are_no_request(prefix: str) -> None:
    """Nothing can send or store it."""
    given = {**AGENT, "request.status": 1, f"{prefix}.status": 1, f"{prefix}.state": "notReady"}
    assert missing(given) == f"case has `{prefix}.status: 1`, and a word for 0"
    assert missing({**given, f"{prefix}.status": 1, f"{prefix}.state": "ready"}) is None
