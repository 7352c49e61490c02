"""What a question is about is gathered whole."""

import pytest

from dfks_rules.policy.language.document import AllOf, AnyOf, Not
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import SET_CFB


def test_tests_are_gathered_from_all_parts_of_a_condition() -> None:
    """Also those under `not`."""
    needs = Needs(SET_CFB)
    role, user = Atom("role", "eq", "owner"), Atom("user", "prefix", ("1",))
    needs.condition(AllOf((AnyOf((role,)), Not(user))))
    assert needs.tests_of("role") == (role,)
    assert needs.tests_of("user") == (user,)


def test_facts_that_are_compared_are_linked_through_others_too() -> None:
    """They share their values."""
    needs = Needs(SET_CFB)
    needs.test(Atom("role", "sameAs", "param"))
    needs.test(Atom("param", "sameAs", "device"))
    assert sorted(needs.linked_to("role")) == ["device", "param", "role"]


def test_addresses_that_are_compared_link_users_and_domains() -> None:
    """An address is no more than these."""
    needs = Needs(SET_CFB)
    needs.test(Atom("watcher", "sameAs", "presentity"))
    assert needs.linked_to("user") == ["user", "watcher.user"]
    assert needs.linked_to("domain") == ["domain", "watcher.domain"]


def test_tests_of_a_fact_with_two_names_are_under_one() -> None:
    """The stored state of the feature that is asked about."""
    needs = Needs(SET_CFB)
    needs.test(Atom("CallForwardingBusy.status", "eq", 1))
    assert needs.tests_of("stored.status") == (Atom("stored.status", "eq", 1),)


def test_a_condition_of_an_unknown_type_is_not_decided() -> None:
    """It may mean anything."""
    with pytest.raises(Undecided, match="str"):
        Needs(SET_CFB).condition("always")  # type: ignore[arg-type]
