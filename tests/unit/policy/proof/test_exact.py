"""Parts of rules that are equal, and yet not the same."""

from dfks_rules.policy.language.document import AllOf, AnyOf, Effects, Rule
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.exact import Numbering, exact, same

_ATOMS = (Atom("user", "eq", "anna"), Atom("role", "eq", "owner"))


def test_all_of_and_any_of_are_not_the_same() -> None:
    """Python says that they are equal, and a proof once believed it."""
    one, other = AllOf(_ATOMS), AnyOf(_ATOMS)
    assert one == other  # type: ignore[comparison-overlap]
    assert not same(one, other)
    assert exact(one) != exact(other)
    assert same(one, AllOf(_ATOMS))


def test_true_and_one_are_not_the_same() -> None:
    """`assigned: true` is not `status: 1`."""
    assert not same((1,), (True,))
    assert exact(frozenset({1})) != exact(frozenset({True}))


def test_rules_that_say_the_same_have_one_number_whatever_they_are_called() -> None:
    """A renamed policy means what it meant."""
    numbering = Numbering()
    rules = [
        Rule(name, condition, Effects(status=0))
        for name, condition in (
            ("a/x", AllOf(_ATOMS)),
            ("b/y", AllOf(_ATOMS)),
            ("c/z", AnyOf(_ATOMS)),
        )
    ]
    first, second, third = map(numbering.number, rules)
    assert first == second != third
