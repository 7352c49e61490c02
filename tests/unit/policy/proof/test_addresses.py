"""Users and domains whose pairs stand for all addresses."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import Any

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof import determined
from dfks_rules.policy.proof.addresses import distinct_addresses
from dfks_rules.policy.proof.shapes import DOMAIN, USER, USER_OR_NONE, Shape, with_extremes
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.outcomes import atom, every_text

Outcome = tuple[bool, ...]


def address(matcher: str, operand: Any) -> Atom:
    """A test of the watcher's address."""
    return atom("watcher", matcher, operand)


def said(atoms: Iterable[Atom], user: str, domain: str) -> Outcome:
    """Which tests an address passes."""
    aor = Aor(user, domain)
    facts = {"watcher": aor.uri, "watcher.user": user, "watcher.domain": domain}
    return tuple(one.holds(facts.get) for one in atoms)


def by_fact(atoms: Iterable[Atom]) -> Iterator[list[Atom]]:
    """The tests of addresses, of users, of domains."""
    for fact in ("watcher", "watcher.user", "watcher.domain"):
        yield [one for one in atoms if one.fact == fact]


def had(atoms: Sequence[Atom], **options: Any) -> set[Outcome]:
    """The outcomes of all pairs of representatives."""
    users, domains = distinct_addresses(*by_fact(atoms), **options)
    return {said(atoms, user, domain) for user, domain in product(users, domains)}


_SMALL = (Shape("[ab]*", 3), Shape("[ab]+", 3))
_TESTS = [
    address("eq", "sip:a@b"),
    address("in", ["sip:ab@ab", "sip:a@ab", "sip:b"]),
    address("prefix", "sip:ab"),
    address("suffix", ["@b", "ba"]),
    address("has", ["a@b", "bb"]),
    address("glob", "sip:*a@?b*"),
    address("regex", "sip:(a|ba)*@(ab)*"),
    address("regex", "sip:[^@]*b[^@]*"),
    atom("watcher.user", "suffix", "b"),
    atom("watcher.user", "eq", "ab"),
    atom("watcher.domain", "has", "aa"),
    atom("watcher.domain", "in", ["b", "ab"]),
]


@pytest.mark.parametrize("copies", [1, 2])
def test_every_outcome_that_an_address_has_is_had_by_a_pair(copies: int) -> None:
    """By trying all addresses of two letters, with and without a user."""
    users, domains = every_text("ab", 3), every_text("ab", 3)[1:]
    every = {pair: said(_TESTS, *pair) for pair in product(users, domains)}
    for places in combinations(range(len(_TESTS)), 3):
        some = [_TESTS[place] for place in places]
        expected = {tuple(one[place] for place in places) for one in every.values()}
        assert had(some, shapes=_SMALL, copies=copies) == expected, some


def test_a_part_of_a_kind_has_as_many_texts_as_wanted() -> None:
    """Facts that a rule compares need values to be equal and different in."""
    users, domains = distinct_addresses([address("prefix", "sip:a")], [], [], copies=3)
    assert len([user for user in users if user.startswith("a")]) == 3
    assert len(users) == 6
    assert len(domains) == 3


def test_parts_that_no_pair_tells_apart_are_one() -> None:
    """A list of five hundred addresses has two kinds of users."""
    many = [f"sip:user{number}@acme.example" for number in range(500)]
    users, domains = distinct_addresses([address("in", many)], [], [])
    assert users == ("a", "user0")
    assert domains == ("a", "acme.example")


def test_an_address_too_long_for_a_pattern_is_tried() -> None:
    """`sip:`, a user of 512 characters and a domain are more than a pattern reads."""
    pattern = address("regex", r"sip:\d+@acme\.example")
    domain = atom("watcher.domain", "eq", "acme.example")
    digits = atom("watcher.user", "regex", r"\d+")
    assert (False, True, True) in had([pattern, digits, domain])
    glob = address("glob", "sip:*@acme.example")
    assert all(len(user) < 9 for user in distinct_addresses([glob], [], [domain])[0])


def test_extremes_are_tried_where_they_matter() -> None:
    """Of users whom a test tells apart, each kind has a long and an unprintable one."""
    some = [atom("watcher.user", "prefix", "a")]
    users, domains = distinct_addresses([], some, [], shapes=(with_extremes(USER), DOMAIN))
    assert {(user[0] == "a", user.isprintable(), len(user) == 512) for user in users} == {
        *product((False, True), repeat=3)
    }
    assert domains == ("a",)


def test_a_watcher_may_have_no_user() -> None:
    """Then its address has no `@` either."""
    some = [address("has", "@"), address("prefix", "sip:acme")]
    assert (False, True) in had(some, shapes=(USER_OR_NONE, DOMAIN))
    assert (False, True) not in had(some)


def test_constants_that_are_no_addresses_tell_nothing() -> None:
    """No value is equal to them."""
    constants = ["sip:a@", "sip:@b", "sip:a b@c", "tel:+49"]
    assert distinct_addresses([address("in", constants)], [], []) == (("a",), ("a",))


def test_too_many_cells_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the facts that have them."""
    monkeypatch.setattr(determined, "MAX_STATES", 20)
    with pytest.raises(Undecided) as caught:
        distinct_addresses(
            [address("has", "abcdef")], [atom("watcher.user", "has", "uvwxyz" * 4)], []
        )
    assert caught.value.reason.startswith("2 tests of `watcher` and `watcher.user` have too many")


def test_an_unknown_test_is_opaque() -> None:
    """What is not known is not claimed."""
    with pytest.raises(Undecided, match="proofs cannot read the test `sameAs` of `watcher`"):
        distinct_addresses([Atom("watcher", "sameAs", "presentity")], [], [])
