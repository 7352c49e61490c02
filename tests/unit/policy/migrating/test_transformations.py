"""Variables with transformations."""

import pytest

from dfks_rules.policy.migrating.transformations import Transformed, transformed


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("$(fu{uri.user})", Transformed("$fU")),
        ("$(fu{uri.host})", Transformed("$fd")),
        ("$(dfks(presentity){uri.domain})", Transformed("$td")),
        ("$(rU)", Transformed("$rU")),
        ("$(rU{s.tolower})", Transformed("$rU", ignores_case=True)),
        ("$(rU{s.substr,0,3})", Transformed("$rU", 3)),
        ("$(fu{uri.user}{s.substr, 0, 2}{s.toupper})", Transformed("$fU", 2, ignores_case=True)),
        ("$rU", None),
        ("$(rU{s.substr,1,3})", None),
        ("$(rU{s.len})", None),
        ("$(ua{uri.user})", None),
        ("$(rU{s.substr,0,3}{s.substr,0,2})", None),
    ],
)
def test_what_can_be_said_of_a_part_is_said(variable: str, meant: Transformed | None) -> None:
    """The others are told of, as any variable that is no fact."""
    assert transformed(variable) == meant
