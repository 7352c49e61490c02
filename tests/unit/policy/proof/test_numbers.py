"""Counts and network addresses that stand for all."""

from itertools import combinations
from typing import Any

import pytest

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.numbers import bounds_of, distinct_counts, distinct_ips
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.outcomes import atom, outcomes


def rate(matcher: str, operand: Any) -> Atom:
    """A test of the rate."""
    return atom("rate.user", matcher, operand)


def ip(matcher: str, operand: Any) -> Atom:
    """A test of the source."""
    return atom("source.ip", matcher, operand)


_COUNTS = [
    rate("lt", 3),
    rate("le", 3),
    rate("gt", 7),
    rate("ge", 8),
    rate("eq", 5),
    rate("in", [0, 3, 6]),
    rate("between", [2, 6]),
    rate("exists", True),
]
_IPS = [
    ip("cidr", "10.0.0.0/29"),
    ip("cidr", ["10.0.0.4/30", "10.0.0.12/31"]),
    ip("cidr", "10.0.0.6/32"),
    ip("eq", "10.0.0.6"),
    ip("in", ["10.0.0.5", "10.0.0.9"]),
]


@pytest.mark.parametrize("copies", [1, 2])
def test_every_outcome_that_a_count_has_is_had_by_a_representative(copies: int) -> None:
    """By trying all counts up to twelve, beyond all constants."""
    for some in combinations(_COUNTS, 3):
        found = distinct_counts(some, among=range(13), copies=copies)
        expected = outcomes(some, range(13))
        assert set(outcomes(some, found)) == set(expected)
        assert all(n >= min(copies, expected[one]) for one, n in outcomes(some, found).items())


def test_counts_that_something_else_tells_apart_are_told_apart() -> None:
    """The bounds of `min` and `max` are constants too."""
    assert distinct_counts([rate("gt", 20)], [5], among=range(1, 101)) == (1, 5, 6, 21)
    assert distinct_counts([], [5], copies=2) == (0, 1, 5, 6, 7)


def test_only_counts_that_can_occur_are_tried() -> None:
    """Nobody rings a hundred and one times; a rate has no bound."""
    rings = bounds_of("stored.ringCount")
    assert rings == range(1, 101)
    assert distinct_counts([rate("gt", 100)], among=rings) == (1,)
    assert distinct_counts([rate("gt", 1000)], among=bounds_of("rate.user.day")) == (0, 1001)


@pytest.mark.parametrize("copies", [1, 2])
def test_every_outcome_that_an_address_has_is_had_by_a_representative(copies: int) -> None:
    """By trying all addresses of a small network and some around it, also written as IPv6."""
    old = [f"10.0.0.{n}" for n in range(16)] + ["9.255.255.255", "192.0.2.1"]
    every = [*old, *(f"::ffff:{one}" for one in old), "2001:db8::1", "::a00:6"]
    for some in combinations(_IPS, 3):
        found = distinct_ips(some, copies=copies)
        expected = outcomes(some, every)
        assert set(outcomes(some, found)) == set(expected)
        assert all(n >= min(copies, expected[one]) for one, n in outcomes(some, found).items())


def test_networks_of_ipv6_have_addresses_of_their_own() -> None:
    """Those beside the mapped ones are no addresses of IPv4."""
    some = [ip("cidr", "2001:db8::/32"), ip("cidr", "0.0.0.0/0"), ip("cidr", "::/0")]
    assert set(outcomes(some, distinct_ips(some))) == {
        (False, True, False),
        (True, False, True),
        (False, False, True),
    }


def test_addresses_of_examples_are_preferred() -> None:
    """They are shown to people; the first address of a network is no host's."""
    assert distinct_ips([]) == ("192.0.2.1",)
    assert distinct_ips([ip("cidr", "172.16.0.0/12")]) == ("192.0.2.1", "172.16.0.1")


@pytest.mark.parametrize("theory", [distinct_counts, distinct_ips])
def test_an_unknown_test_is_opaque(theory: Any) -> None:
    """What is not known is not claimed."""
    with pytest.raises(Undecided, match="proofs cannot read the test `sameAs`"):
        theory([Atom("stored.ringCount", "sameAs", "request.ringCount")])
