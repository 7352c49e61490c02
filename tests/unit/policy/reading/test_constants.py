"""Constants that no value of a fact can meet; tests/policies/must_fail/types has more."""

import pytest

from dfks_rules.policy.reading.constants import refuse_constants


@pytest.mark.parametrize(
    ("fact", "matcher", "operand"),
    [
        ("target.number", "eq", "+4930123456"),
        ("target.number", "prefix", ["+", "+49"]),
        ("target.number", "suffix", "112"),
        ("target.number", "has", "900"),
        ("target.number", "glob", "+4930*"),
        ("target.number", "regex", r"\+49(30|40)\d*"),
        ("presentity", "eq", "sip:alice@acme.example"),
        ("presentity", "prefix", ["sip:room-", "s"]),
        ("presentity", "glob", ["*@acme.example", "s?p:*", "[s]ip:*"]),
        ("watcher", "regex", ["sip:alice@.*", "(sip|x):.*", "(?i)SIP:.*", "s?ip:.*"]),
        ("watcher", "suffix", "Bob@acme.example"),
        ("watcher", "has", "Alice@"),
        ("user", "glob", "[!@]*"),
        ("user", "eq", "Alice"),
        ("domain", "suffix", ".acme.example"),
        ("source.ip", "cidr", "10.0.0.0/8"),
        ("weekday", "notIn", ["sat"]),
        ("request.ringCount", "ge", 3),
        ("user", "exists", True),
        ("user", "sameAs", "watcher.user"),
    ],
)
def test_what_some_value_can_meet_is_let_pass(fact: str, matcher: str, operand: object) -> None:
    """A false alarm is an error here: the server would refuse the file."""
    refuse_constants(fact, matcher, operand)


@pytest.mark.parametrize(
    ("fact", "matcher", "operand", "message"),
    [
        ("target.number", "eq", "4930", "is not an E.164 number"),
        ("target.number", "between", [493010, 493019], "no number passes: all begin with"),
        ("target.number", "eq", "+49 30 1234", "must be digits .*`\\+49301234`"),
        ("target.number", "in", ["+4930", "+49/30"], "must be digits .*`\\+4930`"),
        ("target.number", "prefix", "0049", "is not an E.164 number"),
        ("target.number", "glob", "+49 *", "contains a space"),
        ("user", "suffix", "@acme.example", "is a user and a domain"),
        ("presentity", "prefix", "alice", "write `sip:alice`"),
        ("presentity", "glob", "alice@*", "write `sip:alice@\\*`"),
        ("watcher", "regex", ["sip:.*", "alice@.*"], "`alice@"),
        ("domain", "prefix", "Acme", "write `acme`"),
        ("watcher", "suffix", "@Acme.example", "write `@acme.example`"),
        ("date", "eq", "2026-02-30", "is not a calendar date"),
        ("source.ip", "eq", "10.0.0.0/8", "a network takes `cidr`"),
        ("target.country", "eq", "UK", "did you mean `GB`"),
    ],
)
def test_what_no_value_can_meet_is_refused(
    fact: str, matcher: str, operand: object, message: str
) -> None:
    """Each would guard nothing."""
    with pytest.raises(ValueError, match=message):
        refuse_constants(fact, matcher, operand)
