"""Facts as people and logs write them, and the requests that have them."""

import pytest
from hypothesis import given

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts import FACTS
from dfks_rules.policy.given import given_of, missing, view_of
from dfks_rules.policy.view import View
from tests.helpers.policy import ALICE
from tests.helpers.random_policies import Question, questions


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
        ({"op": "subscribe", "date": "2026-02-30"}, "`2026-02-30` is not a day of the calendar"),
        ({"op": "subscribe"}, None),
    ],
)
def test_what_keeps_facts_from_being_a_request_is_told(
    facts: dict[str, str], problem: str | None
) -> None:
    """An author learns it in words, not by a crash."""
    assert missing(facts) == problem


@given(question=questions())
def test_facts_of_a_request_make_a_request_with_the_same_facts(question: Question) -> None:
    """What was recorded can be decided again."""
    view = View(*question)
    facts = given_of(view)
    assert missing(facts) is None
    again = view_of(facts)
    assert {name: fact.read(again) for name, fact in FACTS.items()} == {
        name: fact.read(view) for name, fact in FACTS.items()
    }
