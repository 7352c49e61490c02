"""Claims about policies, region by region."""

from typing import Any

import pytest

from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.document import AllOf, Condition
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.claims import Claim, regions, seek
from dfks_rules.policy.proof.differing import by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import SET_CFB, SET_DND, compiled

_RULES = """
    - {id: deny, when: {op: set, role: guest}, then: {deny: guests}}
    - id: keep
      when: {op: set, role: user}
      then: {status: stored, notify: others, assigned: false}
    - id: vm
      when: {op: set, role: owner}
      then: {status: 1, values: {forwardTo: "sip:vm@a.example"}}
"""


def _set(feature: str, role: str) -> Condition:
    tests = {"op": "set", "feature": feature, "role": role}
    return AllOf(tuple(Atom(fact, "eq", value) for fact, value in tests.items()))


def _is_proved(role: str, expect: dict[str, Any], feature: str = "CallForwardingBusy") -> bool:
    claim = Claim(_set(feature, role), expect)
    policies = ReferencePolicySet(compiled(_RULES))
    sought = [
        seek(claim, region, Horizon(), lambda _model: True, by_search)
        for region in regions(claim, policies)
    ]
    assert any(one.is_possible for one in sought)
    return not any(one.found for one in sought)


@pytest.mark.parametrize(
    ("role", "expect"),
    [
        ("guest", {"decision": "deny", "reason": ["guests", "others"], "by": {"deny": "p/deny"}}),
        ("user", {"decision": "allow", "notify": "others", "assigned": False}),
        ("user", {"by": {"status": "p/keep"}}),
        ("owner", {"status": 1, "values": {"forwardTo": "sip:vm@a.example"}}),
        ("owner", {"notify": True, "assigned": True}),
    ],
)
def test_what_is_so_is_proved(role: str, expect: dict[str, Any]) -> None:
    """Each key of `expect`."""
    assert _is_proved(role, expect)


@pytest.mark.parametrize(
    ("role", "expect"),
    [
        ("guest", {"reason": "others"}),
        ("guest", {"by": {"deny": "p/keep"}}),
        ("user", {"status": 1}),
        ("user", {"decision": "deny"}),
        ("owner", {"values": {"forwardTo": "sip:vm2@a.example"}}),
        ("owner", {"notify": False}),
    ],
)
def test_what_is_not_so_is_not_proved(role: str, expect: dict[str, Any]) -> None:
    """A request is found."""
    assert not _is_proved(role, expect)


def test_only_questions_that_conditions_allow_are_looked_at() -> None:
    """And of domains only those whose rules matter."""
    rules = f"{_RULES}    - {{id: t, when: {{op: set, domain: t.example}}, then: {{status: 0}}}}"
    policies = ReferencePolicySet(compiled(rules))
    claim = Claim(_set("DoNotDisturb", "guest"), {"decision": "deny"})
    assert [(one.question, one.cell.domain) for one in regions(claim, policies)] == [
        (SET_DND, None)
    ]
    claim = Claim(_set("CallForwardingBusy", "guest"), {"status": 0})
    found = [(one.question, one.cell.domain) for one in regions(claim, policies)]
    assert found == [(SET_CFB, None), (SET_CFB, "t.example")]


def test_a_claim_about_no_request_is_about_nothing() -> None:
    """DoNotDisturb has no target."""
    when = AllOf((_set("DoNotDisturb", "guest"), Atom("target.class", "eq", "premium")))
    claim = Claim(when, {"decision": "deny"})
    sought = [
        seek(claim, region, Horizon(), lambda _model: True, by_search)
        for region in regions(claim, ReferencePolicySet(compiled(_RULES)))
    ]
    assert not any(one.is_possible for one in sought)


def test_what_one_request_shows_is_not_proved_of_others_like_it() -> None:
    """Of a value that a rule makes of a fact."""
    rules = """
        - id: r
          when: {op: set, feature: CallForwardingBusy}
          then: {values: {forwardTo: {from: user.vm, prefix: "0"}}}
    """
    policies = ReferencePolicySet(compiled(rules))
    some = Atom("user.vm", "exists", None)
    when = AllOf((_set("CallForwardingBusy", "x"), some))
    claim = Claim(when, {"values": {"forwardTo": "0a"}})
    [region] = [one for one in regions(claim, policies) if one.question == SET_CFB]
    with pytest.raises(Undecided, match="what is expected was found neither"):
        seek(claim, region, Horizon(), lambda _model: False, by_search)
