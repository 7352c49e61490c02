"""Routes of a script."""

from dfks_rules.policy.migrating.routes import read_script
from dfks_rules.policy.migrating.script import (
    Branched,
    Left,
    Switched,
    Unknown,
)


def test_statement_that_is_not_understood_ends_at_its_end() -> None:
    """What follows is read."""
    body = read_script("route[r] { a b c; while (x) { y; } exit; }").routes["r"].body
    assert [type(one) for one in body] == [Unknown, Unknown, Left]


def test_else_belongs_to_the_nearest_if() -> None:
    """As in C."""
    (outer,) = read_script("route[r] { if ($a) if ($b) exit; else drop; }").routes["r"].body
    assert isinstance(outer, Branched)
    assert outer.otherwise == ()
    (inner,) = outer.arms[0].body
    assert isinstance(inner, Branched)
    assert inner.otherwise == (Left("drop", 1),)


def test_cases_have_their_statements() -> None:
    """`default` has no value."""
    text = 'route[r] { switch ($x) { case "a": exit; case 2: break; default: drop; } }'
    (switch,) = read_script(text).routes["r"].body
    assert isinstance(switch, Switched)
    values = [case.value and getattr(case.value, "value", None) for case in switch.cases]
    assert values == ["a", 2, None]
