"""The syntax tree."""

from dfks_rules.model.features import Feature
from dfks_rules.policy.language.document import AllOf, Also, Band, Effects, Rule
from dfks_rules.policy.language.values import Clamped, Template
from tests.helpers.states import values


def test_bands_sort_from_mandatory_to_default() -> None:
    """The order of the enumeration is the order of precedence."""
    assert sorted(Band) == [Band.MANDATORY, Band.NORMAL, Band.DEFAULT]


def test_effects_say_nothing_unless_told() -> None:
    """A rule sets only the fields that it names."""
    assert set(Effects()) == {None, False, ()}


def test_effects_know_the_facts_that_they_read() -> None:
    """What they depend on is part of what a decision is remembered by."""
    also = Also(Feature.DO_NOT_DISTURB, "request", Template("${param}"))
    effects = Effects(values=values(Template("${device}"), Clamped("x", 1, 2)), also=(also,))
    assert effects.facts == {"device", "x", "param", "user", "domain", "request.status"}
    assert Effects(values=values("y", 3), log="${user}").facts == set()


def test_people_are_told_of_exceptions_by_that_name() -> None:
    """Their files have no rule that they could look for."""
    rule = Rule("p/r", AllOf(()), Effects())
    lifting = Rule("e/exception", AllOf(()), Effects(lifts=("p/r",)))
    assert [(one.told, one.title) for one in (rule, lifting)] == [
        ("rule `r`", "p/r"),
        ("Exception `e`", "Exception e/exception"),
    ]
