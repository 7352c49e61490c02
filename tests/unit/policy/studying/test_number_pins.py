"""Numbers that are something else, as facts that are pinned."""

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.number_pins import number_change
from dfks_rules.policy.studying.site_pins import Change
from tests.helpers.policy import source

_PLAN = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: DE\nclasses: "
_SET = Operation.SET, Feature.CALL_FORWARDING_BUSY


def _change(when: str, old: str, new: str, then: str = "{deny: no}") -> Change:
    rules = source(f"- {{id: r, when: {{op: set, {when}}}, then: {then}}}")
    one, other = (compile_policies([rules, Source("n.yaml", _PLAN + text)]) for text in (old, new))
    return number_change(other.rules, one.site, other.site)


def test_numbers_that_begin_as_has_changed_are_asked_for() -> None:
    """With what they are on either side; that it was all, nobody says."""
    change = _change("target.class: premium", "{own: ['+4932']}", "{premium: ['+4932']}")
    before, after = change.pins(_SET, None)
    assert [(pin.where, pin.facts) for pin in before] == [
        (Atom("request.forwardTo", "eq", "+49321234567"), {"target.class": "own"})
    ]
    assert [pin.facts for pin in after] == [{"target.class": "premium"}]
    assert change.pins((Operation.SUBSCRIBE, None), None) == ([], [])
    assert "whether some other number" in change.undecided[0]


@pytest.mark.parametrize(
    ("when", "new", "then", "matters"),
    [
        ("target.class: premium", "{other: ['+4932']}", "{deny: no}", False),
        ("target.country: DE", "{other: ['+4932']}", "{deny: no}", False),
        ("user: x", "{}", "{deny: no}", False),
        ("target.class: premium", "{own: ['+4932', '+4933']}", "{deny: no}", True),
        ("target.class: premium", "{other: ['+4932']}", '{log: "${target.class}"}', True),
        ("target.class: premium, target.reach: national", "{voip: ['+4932']}", "{deny: no}", True),
    ],
)
def test_only_what_no_rule_can_tell_is_of_no_matter(
    when: str, new: str, then: str, *, matters: bool
) -> None:
    """Everything else is asked for, and not called proved."""
    assert _change(when, "{own: ['+4932']}", new, then).is_any is matters


def test_facts_of_targets_are_as_sites_say_in_requests() -> None:
    """What others have stored, they do not say."""
    change = _change("target.class: premium", "{}", "{}")
    model: Model = {"target.kind": "internal", "target.loop": False, "user": "x"}
    assert change.free(model) == {"target.loop": False, "user": "x"}
