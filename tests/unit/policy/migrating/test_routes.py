"""Routes of a script."""

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
