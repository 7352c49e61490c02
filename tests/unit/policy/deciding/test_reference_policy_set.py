"""Policies that decide by the reference evaluator alone."""

from contextlib import closing

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.given import view_of
from tests.helpers.policy import source
from tests.helpers.spaces import SET_DND, compiled

_RULES = """
    - {id: all, when: {op: set}, then: {status: 1}}
    - {id: one, when: {op: set, domain: acme.example}, then: {deny: no}}
    - {id: get, when: {op: get}, then: {assigned: false}}
"""


def test_it_decides_as_the_engine_does() -> None:
    """By the rules that can match, and by all."""
    oracle = ReferencePolicySet(compiled(_RULES))
    with closing(load([source(_RULES)])) as policies:
        for given in (
            {"op": "set", "feature": "DoNotDisturb", "request.status": 0},
            {"op": "set", "feature": "DoNotDisturb", "request.status": 0, "domain": "acme.example"},
            {"op": "get", "feature": "DoNotDisturb"},
            {"op": "subscribe", "watcher.user": "bob"},
        ):
            view = view_of(given)
            assert oracle.decide_view(view) == policies.decide_view(view)
            assert oracle.decide_by_all(view) == policies.decide_view(view)


def test_it_names_the_rules_that_can_match() -> None:
    """Of a domain, with those of every domain."""
    oracle = ReferencePolicySet(compiled(_RULES))
    assert [rule.id for rule in oracle.rules_for(SET_DND, None)] == ["p/all"]
    assert [rule.id for rule in oracle.rules_for(SET_DND, "acme.example")] == ["p/all", "p/one"]
