"""The texts that facts can be."""

import re

import pytest

from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.proof.shapes import (
    ANY_TEXT,
    DOMAIN,
    NUMBER,
    USER,
    Shape,
    shape_of,
    with_extremes,
)
from dfks_rules.sip.uri import aor_of, parse_uri


@pytest.mark.parametrize("user", ["alice", "+49301", "a%20b", "ü", "#9", "a;b", "%3A", "(.)!"])
@pytest.mark.parametrize("host", ["ACME.example", "10.0.0.1", "[2001:DB8::1]", "a_b", "x.", "7-"])
def test_every_address_that_is_read_has_the_shape(user: str, host: str) -> None:
    """A shape that lacks a text would let a proof claim too much."""
    aor = aor_of(parse_uri(f"sip:{user}@{host}".encode()))
    assert USER.among([aor.user]) == [aor.user]
    assert DOMAIN.among([aor.domain]) == [aor.domain]


@pytest.mark.parametrize("fact", [f.name for f in FACTS.values() if f.kind is Kind.TEXT])
def test_every_fact_of_texts_has_a_shape(fact: str) -> None:
    """What most facts can be is printable."""
    shape = shape_of(fact)
    assert re.compile(shape.pattern)
    assert shape.longest <= 512


def test_a_shape_finds_its_texts_among_constants() -> None:
    """In order, so that proofs are the same every time."""
    assert USER.among({"bob", "a@b", "alice", "x" * 513, 7}) == ["alice", "bob"]
    assert NUMBER.among(["+49", "+", "49", "+0"]) == ["+49"]


def test_facts_that_share_values_have_the_texts_of_each() -> None:
    """Where a rule compares a user with a number."""
    assert shape_of("user", "target.number").among(["+49", "a:b", "al"]) == ["+49", "al"]
    assert shape_of("user", "user") == USER
    both = shape_of("user", "target.number")
    assert both.longest == 512
    assert both.parts == (USER, NUMBER)
    assert USER.has("al")
    assert not NUMBER.has("al")
    assert not NUMBER.has("+4" * 11)
    assert ANY_TEXT.among(["\n"]) == Shape(".*\n").among(["\n"]) == ["\n"]


def test_the_extremes_of_a_shape_can_be_told_apart() -> None:
    """They are the same texts."""
    shape = with_extremes(USER)
    assert shape[:2] == USER[:2]
    assert shape.to_longest
    (printable,) = shape.parts
    assert all(printable.has(text) is text.isprintable() for text in map(chr, range(0x3000)))
