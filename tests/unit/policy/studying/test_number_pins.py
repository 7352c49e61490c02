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


def test_that_no_other_number_is_decided_otherwise_is_left_open_where_rules_read_targets() -> None:
    """Only there: of a set of another domain, a directory changes nothing."""
    rule = "- {id: r, when: {op: set, target.kind: internal}, then: {deny: no}}"
    sides = [
        compile_policies([source(rule), Source("u.csv", f"user,domain\n{users}")])
        for users in ("", "201,a.example\n")
    ]
    (of_targets,) = sides[1].rules
    change = number_change([of_targets], sides[0].site, sides[1].site)
    assert "whether some other number" in (change.left_open(_SET, "a.example", [of_targets]) or "")
    assert change.left_open(_SET, "a.example", []) is None
    assert change.left_open(_SET, "b.example", [of_targets]) is None
    assert change.left_open((Operation.SUBSCRIBE, None), "a.example", [of_targets]) is None


def test_a_user_whose_name_has_letters_may_be_dialled_from_any_domain() -> None:
    """As `sip:201abc@a.example`."""
    rule = "- {id: r, when: {op: set, target.kind: internal}, then: {deny: no}}"
    one, other = (
        compile_policies([source(rule), Source("u.csv", f"user,domain\n{users}")])
        for users in ("", "201abc,a.example\n")
    )
    assert number_change(other.rules, one.site, other.site).left_open(_SET, None, other.rules)


@pytest.mark.parametrize(
    ("when", "user", "matters"),
    [
        ("target.class: premium", "202", False),
        ("target.class: premium, target.reach: international", "202", False),
        ("target.kind: external", "202", True),
        ("target.class: premium", "1234567", True),
    ],
)
def test_a_user_who_came_is_of_no_matter_to_rules_that_guard_calls(
    when: str, user: str, *, matters: bool
) -> None:
    """What nobody has as an extension is `internal`, too, where plans give no lengths."""
    rules = source(f"- {{id: r, when: {{op: set, {when}}}, then: {{deny: no}}}}")
    plan = Source("n.yaml", f"{_PLAN}{{}}")
    one, other = (
        compile_policies([rules, plan, Source("u.csv", f"user,domain\n{users}")])
        for users in ("", f"{user},a.example\n")
    )
    assert number_change(other.rules, one.site, other.site).is_any is matters


def test_numbers_that_come_to_be_trusted_hide_what_is_dialled_after_them() -> None:
    """`voip: +4932` makes a phone reach a premium number that was denied; it is shown."""
    change = _change("target.class: premium", "{}", "{voip: ['+4932']}")
    before, after = change.pins(_SET, None)
    told = {
        (str(pin.where), pin.facts["target.class"], other.facts["target.class"])
        for pin, other in zip(before, after, strict=True)
    }
    assert any("," in where and (one, two) == ("premium", "voip") for where, one, two in told)


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
