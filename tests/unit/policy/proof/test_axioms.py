"""What is so of every request, and of none besides."""

from random import Random

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.proof.axioms import add_needed, axioms
from dfks_rules.policy.proof.search import solve
from dfks_rules.policy.proof.space import Space
from tests.helpers.spaces import SET_AGENT, SET_CFB, needing, space_of
from tests.helpers.twins import points_in


def _space(question: tuple, *facts: str) -> Space:  # type: ignore[type-arg]
    needs = needing(question, *facts)
    add_needed(needs)
    return space_of(needs)


def _excludes(space: Space, **facts: object) -> bool:
    formulas = space.formulas
    said = [space.equals(name.replace("_", "."), value) for name, value in facts.items()]  # type: ignore[arg-type]
    return solve(formulas, formulas.all_of((axioms(space), *said))) is None


def test_an_operator_has_no_phone() -> None:
    """Which a search without axioms would tell as a difference."""
    space = _space(SET_CFB, "userAgent", "rate.device")
    operator = space.equals("origin", "operator")
    for fact in ("userAgent", "rate.device"):
        both = space.formulas.all_of((axioms(space), operator, space.present(fact)))
        assert solve(space.formulas, both) is None
        phone = space.formulas.all_of((axioms(space), space.present(fact)))
        assert solve(space.formulas, phone) is not None


def test_who_proved_a_name_has_one() -> None:
    """And nobody else."""
    space = _space(SET_CFB, "auth.user", "auth.method")
    assert _excludes(space, auth_user=None, auth_method="digest")
    assert not _excludes(space, auth_user=None, auth_method="none")


def test_status_and_word_of_an_agent_agree() -> None:
    """Asked and stored."""
    space = _space(SET_AGENT, "request.state", "stored.reason")
    assert _excludes(space, request_state="ready", request_status=0)
    assert not _excludes(space, request_state=None, request_status=0)
    assert _excludes(space, stored_state="ready", stored_status=0)
    assert not _excludes(space, stored_state="notReady", stored_status=0)


def test_without_a_target_nothing_is_known_about_it() -> None:
    """And what is invalid has no number."""
    space = _space(SET_CFB, "target.kind", "target.class", "target.number", "target.role")
    assert _excludes(space, request_forwardTo=None, stored_forwardTo=None, target_kind="external")
    assert _excludes(space, target_kind="invalid", target_class="premium")
    number = space.formulas.all_of(
        (axioms(space), space.equals("target.kind", "foreign"), space.present("target.number"))
    )
    assert solve(space.formulas, number) is None
    role = space.formulas.all_of(
        (axioms(space), space.equals("target.kind", "internal"), space.present("target.role"))
    )
    assert solve(space.formulas, role) is not None


def test_requests_at_random_points_have_exactly_the_facts_of_the_point() -> None:
    """So nothing that the axioms allow is impossible."""
    space = _space(SET_AGENT, "request.state", "request.reason", "stored.agentId", "auth.user")
    for point in points_in(space, Random(5), 60):
        facts = space.facts_at(point)
        view = view_of({name: value for name, value in facts.items() if value is not None})
        for name, value in facts.items():
            assert FACTS[name].read(view) == value
