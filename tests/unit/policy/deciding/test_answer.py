"""Decisions in the words of the cases."""

from dfks_rules.model.features import FeatureState
from dfks_rules.model.values import VALUES
from dfks_rules.policy.deciding.answer import answer_of, moment_of, value_of
from dfks_rules.policy.studying.case_schema import DECIDED_FIELDS, case_schema
from tests.helpers.policy import CFNA, NOON, ON, decide, get, set_

RULE = """
- id: r
  when: {op: get}
  then: {status: 1, values: {forwardTo: x, ringCount: 3}, notify: others, assigned: false}
- id: no
  when: {op: set}
  then: {deny: busy}
"""

NO_VALUES = dict.fromkeys(value.value for value in VALUES)


def test_an_answer_has_the_keys_of_expect() -> None:
    """So that a logged decision can be pasted into a case."""
    answer = answer_of(decide(RULE, get(CFNA)))
    expect = case_schema()["properties"]["tests"]["items"]["properties"]["expect"]
    assert answer.keys() == expect["properties"].keys()
    assert answer["values"] == {**NO_VALUES, "forwardTo": "x", "ringCount": 3}
    assert (answer["decision"], answer["notify"], answer["assigned"]) == ("allow", "others", False)


def test_each_decided_field_has_its_value() -> None:
    """What an explanation says that a rule decided."""
    answer = answer_of(decide(RULE, get(CFNA)))
    values = {field: value_of(answer, field) for field in DECIDED_FIELDS}
    assert values == {
        "status": 1,
        "assigned": False,
        "notify": "others",
        **NO_VALUES,
        "forwardTo": "x",
        "ringCount": 3,
        "deny": None,
        "allow": True,
        "expire": None,
    }
    denied = answer_of(decide(RULE, set_(CFNA, FeatureState())))
    assert (denied["decision"], value_of(denied, "deny")) == ("deny", "busy")


def test_when_something_expires_is_a_moment() -> None:
    """As the fact `now`; with seconds where the set had some."""
    rule = "- {id: r, when: {op: set}, then: {expire: 90m}}"
    answer = answer_of(decide(rule, set_(CFNA, ON)))
    assert (value_of(answer, "expire"), answer["by"]) == (
        "2026-01-05T13:30+00:00",
        {"expire": "p/r"},
    )
    assert moment_of(NOON.replace(second=7)) == "2026-01-05T12:00:07+00:00"
