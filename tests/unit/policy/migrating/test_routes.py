"""Routes of a script."""

import pytest

from dfks_rules.policy.migrating.routes import read_script
from dfks_rules.policy.migrating.script import Assigned, Constant, Left, Unknown


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


def test_what_is_no_route_of_its_own_is_not_read_as_one() -> None:
    """Else a script of nothing but openings would be read once for each of them."""
    read = read_script("route[a] { route[b] { exit; } }" + "route[c] {" * 20_000)
    assert sorted(read.routes) == ["a", "c"]


def test_of_two_routes_with_one_name_the_first_counts_and_it_is_told() -> None:
    """OpenSIPS refuses such a script; somebody has put two together."""
    read = read_script("route[a] { exit; }\nroute[a] { drop; }")
    assert read.routes["a"].body == (Left("exit", 1),)
    assert read.problems == (Unknown("`route[a]` is there twice", 2),)


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ('route[a] {\n  if ($rU == "x") {\n    exit;', 2),
        ('route[a] {\n  if ($rU == "x") {\n    exit;\n}\nroute[b] { exit; }', 1),
        ("route[a] {\n  switch ($rU) {\n    case 1: exit;", 2),
        ("route[a] {\n  something {\n    else", 2),
        ("route[a] { exit; }\nroute {\n  exit;\n", 2),
    ],
)
def test_a_brace_that_is_not_closed_is_told(script: str, line: int) -> None:
    """What follows it is taken for a part of it, and nobody meant that."""
    (problem,) = read_script(script).problems
    assert problem == Unknown(
        "where this `{` ends: nothing closes it, so a route may have what is not its own", line
    )


def test_a_brace_too_many_is_told() -> None:
    """It ends a route before its last lines, which then are in none."""
    read = read_script('route[a] {\n  if ($rU == "x") {\n  }}\n  exit;\n}')
    what = "what this `}` closes: nothing, so a route may end too early"
    assert read.problems == (Unknown(what, 5),)
