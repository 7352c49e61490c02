"""In what two sets of rules differ."""

from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.aspects import aspects, unlike_chains
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.differing import Case, space_of
from dfks_rules.policy.proof.meaning import UNSET, Entry
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.search import solve
from tests.helpers.spaces import ANYWHERE, SET_CFB, compiled, needing
from tests.helpers.spaces import space_of as space_needing


def _differing(old: str, new: str) -> list[str]:
    sides = [
        ReferencePolicySet(compiled(f"- {{id: x, when: {{op: set}}, then: {one}}}"))
        for one in (old, new)
    ]
    was, now = (side.rules_for(SET_CFB, None) for side in sides)
    case = Case(SET_CFB, ANYWHERE, was, now)
    space = space_of(case, Horizon())
    before, after = Decided(case.old, space), Decided(case.new, space)
    return [
        one.name for one in aspects(before, after) if solve(space.formulas, one.goal) is not None
    ]


def test_each_part_of_a_decision_is_an_aspect() -> None:
    """Named by what differs."""
    assert _differing("{deny: a}", "{status: 0}") == ["decision"]
    assert _differing("{deny: a}", "{deny: b}") == ["denial"]
    assert _differing("{status: 0}", "{status: 1}") == ["status"]
    assert _differing("{notify: others}", "{notify: false}") == ["notify"]
    assert _differing("{assigned: false}", "{assigned: true}") == ["assigned"]
    assert _differing("{log: a}", "{log: b}") == ["log"]
    assert _differing("{values: {forwardTo: a}}", "{values: {forwardTo: b}}") == ["forwardTo"]
    also = "{{also: [{{feature: DoNotDisturb, status: {}}}]}}"
    assert _differing(also.format(0), also.format(1)) == ["also"]


def test_what_says_the_usual_says_nothing() -> None:
    """`notify: true` and `status: request` are what happens anyway."""
    assert _differing("{notify: true}", "{status: request}") == []


def test_chains_that_come_to_the_same_are_not_unlike() -> None:
    """Unset is the default, whoever leaves it so."""
    space = space_needing(needing(SET_CFB, "role"))
    when = space.present("role")
    false = space.formulas.false
    chain, silent = (Entry(when, "usual", "p/a"),), (Entry(when, UNSET, "p/b"),)
    assert unlike_chains(chain, silent, None, "usual", space.formulas) is false
    assert unlike_chains(chain, silent, None, "other", space.formulas) is when
