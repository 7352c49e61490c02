"""Conditions of scripts."""

import pytest

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.comparing import Conditions, NotCarriedError
from dfks_rules.policy.migrating.conditions import Condition
from dfks_rules.policy.migrating.routes import read_script
from dfks_rules.policy.migrating.script import Branched


def carried(condition: str) -> Condition:
    """What a condition comes to."""
    (branched,) = read_script(f"route[r] {{ if ({condition}) exit; }}").routes["r"].body
    assert isinstance(branched, Branched)
    conditions = Conditions(Operation.SET, lambda expression: expression)
    return conditions.carried(branched.arms[0].condition)


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ('$(fu{uri.user}) == "bob"', {"watcher.user": "bob"}),
        ('$(rU{s.substr,0,2}) == "12"', {"user": {"prefix": "12"}}),
        ('$(rU{s.substr,0,2}) != "12"', {"not": {"user": {"prefix": "12"}}}),
        ('$(rU{s.tolower}) == "bob"', {"user": {"regex": "(?i)bob"}}),
        ('$(fU{s.tolower}) == "a.b"', {"watcher.user": {"regex": r"(?i)a\.b"}}),
        ('"12" == $(rU{s.substr,0,2})', {"user": {"prefix": "12"}}),
        ("$(fu{uri.host}) == $rd", {"watcher.domain": {"sameAs": "domain"}}),
    ],
)
def test_parts_of_variables_are_compared(condition: str, meant: Condition) -> None:
    """As scripts like to do with numbers."""
    assert carried(condition) == meant


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('$(rU{s.substr,0,3}) == "12"', "how `$(rU{s.substr,0,3})` is compared has no counterpart"),
        ('$(rU{s.substr,0,2}) > "12"', "how `$(rU{s.substr,0,2})` is compared has no counterpart"),
        ('$(rU{s.len}) == "12"', "`$(rU{s.len})` is no fact"),
        ("$rU + $rd == $fU", "what is compared is not understood"),
    ],
)
def test_what_cannot_be_compared_is_told(condition: str, message: str) -> None:
    """A number of digits is no fact."""
    with pytest.raises(NotCarriedError) as told:
        carried(condition)
    assert told.value.message == message
