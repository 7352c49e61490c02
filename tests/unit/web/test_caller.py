"""What a caller may see."""

from dfks_rules.web.caller import LOCAL, Caller, Scope


def test_a_caller_with_domains_sees_these_only() -> None:
    """One without sees all."""
    acme = Caller("acme", frozenset(), frozenset(["acme.example"]))
    assert acme.sees("acme.example")
    assert not acme.sees("example.com")
    assert LOCAL.sees("example.com")


def test_whoever_is_on_this_machine_may_do_everything() -> None:
    """Where no tokens are configured."""
    assert LOCAL.scopes == frozenset(Scope)
