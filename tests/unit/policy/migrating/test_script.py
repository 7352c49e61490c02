"""Routes of a script."""

from dfks_rules.policy.migrating.script import (
    Assigned,
    Branched,
    Constant,
    Left,
    Switched,
    Unknown,
    read_script,
)


def test_routes_are_found_among_everything_else() -> None:
    """Modules, sockets and the main route are passed over."""
    read = read_script(
        """
        socket=udp:127.0.0.1:5060
        loadmodule "presence_dfks.so"
        modparam("presence_dfks", "get_route", "on_get")
        route { if (is_method("SUBSCRIBE")) { handle_subscribe(); exit; } t_relay(); }
        route[on_get] { $dfks(status) = 1; }
        route(on_set) { exit; }
        """
    )
    assert sorted(read.routes) == ["on_get", "on_set"]
    assert (read.get_route, read.set_route) == ("on_get", "dfks_set")
    assert read.routes["on_get"].body == (Assigned("$dfks(status)", Constant(1, 6), 6),)
    assert read.routes["on_set"].body == (Left("exit", 7),)


def test_statement_that_is_not_understood_ends_at_its_end() -> None:
    """What follows is read."""
    body = read_script("route[r] { a b c; while (x) { y; } exit; }").routes["r"].body
    assert [type(one) for one in body] == [Unknown, Unknown, Left]


def test_else_belongs_to_the_nearest_if() -> None:
    """As in C."""
    (outer,) = read_script("route[r] { if ($a) if ($b) exit; else drop; }").routes["r"].body
    assert isinstance(outer, Branched)
    assert outer.otherwise == ()
    (inner,) = outer.then
    assert isinstance(inner, Branched)
    assert inner.otherwise == (Left("drop", 1),)


def test_cases_have_their_statements() -> None:
    """`default` has no value."""
    text = 'route[r] { switch ($x) { case "a": exit; case 2: break; default: drop; } }'
    (switch,) = read_script(text).routes["r"].body
    assert isinstance(switch, Switched)
    values = [case.value and getattr(case.value, "value", None) for case in switch.cases]
    assert values == ["a", 2, None]
