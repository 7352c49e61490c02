"""Variables of scripts."""

import pytest

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.variables import FIELDS, fact_of, field_of, template_of


@pytest.mark.parametrize(
    ("variable", "of_set", "of_get"),
    [
        ("$dfks(status)", "request.status", "stored.status"),
        ("$dfks( value/forwardTo )", "request.forwardTo", "stored.forwardTo"),
        ("$dfks(feature)", "feature", "feature"),
        ("$dfks(param)", "param", "param"),
        ("$dfks(assigned)", None, None),
        ("$fU", "watcher.user", "watcher.user"),
        ("$var(x)", None, None),
    ],
)
def test_variable_is_a_fact(variable: str, of_set: str | None, of_get: str | None) -> None:
    """Of a set, what is asked for; of a get, what is stored."""
    assert (fact_of(variable, Operation.SET), fact_of(variable, Operation.GET)) == (of_set, of_get)


def test_what_a_route_can_set_are_fields_of_rules() -> None:
    """And nothing else."""
    assert [field_of(f"$dfks({name})") for name in FIELDS] == list(FIELDS)
    assert field_of("$dfks(value/ringCount)") == "ringCount"
    assert field_of("$dfks(feature)") is None
    assert field_of("$avp(status)") is None


def test_variables_in_a_text_become_placeholders() -> None:
    """Unless one of them is no fact."""
    assert template_of("by $fU of $dfks(presentity)!", Operation.SET) == (
        "by ${watcher.user} of ${presentity}!"
    )
    assert template_of("$avp(x)", Operation.SET) is None
