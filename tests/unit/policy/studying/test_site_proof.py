"""What another site changes in decisions."""

import pytest

from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying import number_pins, proved, user_pins
from dfks_rules.policy.studying.proved import Proof
from dfks_rules.policy.studying.site_proof import Late, never, prove_site
from tests.helpers.policy import source

_HEAD = "user,domain,groups,role,numbers\n"
_GUESTS = "- {id: r, when: {op: set, groups: {has: guests}}, then: {deny: no}}"


def _proof(rules: str, old: str, new: str, late: Late = never) -> Proof:
    sides = [compile_policies([source(rules), Source("u.csv", _HEAD + one)]) for one in (old, new)]
    return prove_site(sides[1], sides[0].site, sides[1].site, Horizon(), late=late)


def test_a_user_who_joins_a_group_is_shown_with_what_changes_for_him() -> None:
    """And for nobody else."""
    proof = _proof(_GUESTS, "bob,a.example,,,\n", "bob,a.example,guests,,\n")
    givens = [group.given for group in proof.differences.groups]
    assert all((one["user"], one["domain"]) == ("bob", "a.example") for one in givens)
    assert (len(givens), proof.different, proof.doubts) == (5, {Operation.SET}, [])


def test_who_watches_himself_has_changed_on_both_sides() -> None:
    """Both facts are about him: they still agree, so nothing changes."""
    rules = (
        "- {id: r, when: {op: set, origin: watcher, watcher: {sameAs: presentity}, "
        "groups: {has: a}, not: {watcher.groups: {has: a}}}, then: {deny: no}}"
    )
    assert not _proof(rules, "bob,a.example,b,,\n", "bob,a.example,a,,\n").different


def test_thousands_of_users_are_compared_by_what_has_changed_of_them() -> None:
    """Twenty thousand, in two ways."""
    old = "".join(f"u{n},a.example,sales,,\n" for n in range(20_000))
    new = "".join(f"u{n},a.example,{('guests', 'x')[n % 2]},,\n" for n in range(20_000))
    proof = _proof(_GUESTS, old, new)
    assert (len(proof.differences.groups), proof.doubts) == (5, [])


def test_more_ways_than_are_compared_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not called proved."""
    monkeypatch.setattr(user_pins, "MAX_KINDS", 1)
    new = "bob,a.example,guests,,\nann,b.example,guests,,\ncat,b.example,guests,,\n"
    proof = _proof(_GUESTS, "bob,a.example,,,\n", new)
    assert "1 users have changed in more than 1 ways" in str(proof.doubts[0])


def test_what_takes_too_long_is_not_decided() -> None:
    """There is a bound."""
    proof = _proof(_GUESTS, "bob,a.example,,,\n", "bob,a.example,guests,,\n", late=lambda: True)
    assert [doubt.reason for doubt in proof.doubts] == ["comparing what has changed takes too long"]


def test_a_count_of_members_is_not_decided_where_members_have_changed() -> None:
    """What is stored for them, no directory says."""
    rules = "- {id: r, when: {op: set, group.desk.DoNotDisturb.off: {lt: 2}}, then: {deny: no}}"
    proof = _proof(rules, "bob,a.example,desk,,\n", "bob,a.example,desk,,\nann,a.example,desk,,\n")
    assert {doubt.reason for doubt in proof.doubts} == {
        "members of a group that rules count came or went, and what is counted then depends on what"
        " is stored for them"
    }
    assert not _proof(rules, "bob,a.example,x,,\n", "bob,a.example,y,,\n").doubts


def test_a_number_of_another_user_is_asked_for_in_each_domain_that_rules_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever else is dialled so is not decided."""
    rules = "- {id: r, when: {op: set, target.kind: internal}, then: {deny: no}}"
    proof = _proof(rules, "bob,a.example,,,\n", "bob,a.example,,,+4930123456\n")
    givens = [group.given for group in proof.differences.groups]
    assert {one["request.forwardTo"] for one in givens} == {"+4930123456"}
    assert "whether some other number" in str(proof.doubts[0])
    monkeypatch.setattr(number_pins, "MAX_NUMBERS", 0)
    assert not _proof(rules, "bob,a.example,,,\n", "bob,a.example,,,+4930123456\n").different


def test_a_difference_that_no_case_can_show_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one nevertheless."""
    monkeypatch.setattr(proved, "witnesses_at", lambda _model: iter(()))
    proof = _proof(_GUESTS, "bob,a.example,,,\n", "bob,a.example,guests,,\n")
    assert proof.different == {Operation.SET}
    assert "facts that a case can give do not show" in str(proof.doubts[0])
