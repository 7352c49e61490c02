"""Conditions back to text."""

import pytest

from dfks_rules.policy.language.alternatives import SignedAtom
from dfks_rules.policy.language.text import literal_text, saw_text, value_text
from dfks_rules.policy.studying.explain import failing
from tests.helpers.policy import policies

SCHEDULES = 'schedules: {office: {weekly: ["Mon-Fri 08:00-18:00"]}}'


def text_of(condition: str) -> str:
    """The one test to blame when no fact is there, as text."""
    policy_set = policies(f"- {{id: r, when: {condition}, then: {{status: 0}}}}", SCHEDULES)
    policy_set.close()
    (test,) = failing(policy_set.rules[0].condition, lambda _: None)
    return literal_text(test)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("{user: bob}", "user: bob"),
        ("{user: [bob, al]}", "user: [al, bob]"),
        ("{request.status: 1}", "request.status: 1"),
        ("{user: {prefix: b}}", "user: {prefix: b}"),
        ("{user: {prefix: [b, a]}}", "user: {prefix: [b, a]}"),
        ("{source.ip: {cidr: 10.0.0.0/8}}", "source.ip: {cidr: 10.0.0.0/8}"),
        ("{user: {glob: 'room-[0-9]*'}}", "user: {glob: room-[0-9]*}"),
        ("{user: {regex: ['(?i)a+', b]}}", "user: {regex: [(?i)a+, b]}"),
        (
            "{source.ip: {cidr: ['2001:0db8::/32', 10.1.2.3]}}",
            "source.ip: {cidr: [2001:0db8::/32, 10.1.2.3]}",
        ),
        ("{time: {during: office}}", "time: {during: office}"),
        ("{target.self: true}", "target.self: true"),
        ("{device: {exists: true}}", "device: {exists: true}"),
        ("{watcher: {sameAs: presentity}}", "watcher: {sameAs: presentity}"),
        ("{time: {ge: '08:00'}}", "time: {ge: 08:00}"),
    ],
)
def test_a_test_is_told_as_it_was_written(condition: str, text: str) -> None:
    """An author looks for these words in the file."""
    assert text_of(condition) == text


def test_negations_are_told_by_their_own_matchers() -> None:
    """`ne` and not `not eq`; where there is no such matcher, `not`."""
    rule = "- {id: r, when: {user: {ne: a}, device: {exists: false}}, then: {status: 0}}"
    policy_set = policies(rule + "\n- {id: s, unless: {user: {has: a}}, then: {status: 0}}")
    policy_set.close()
    told = [
        literal_text(test)
        for rule in policy_set.rules
        for test in failing(rule.condition, lambda name: "a")
    ]
    assert told == ["user: {ne: a}", "not {user: {has: a}}"]
    atom = next(failing(policy_set.rules[0].condition, lambda name: "a")).atom
    assert literal_text(SignedAtom(atom, positive=True)) == "user: a"


def test_values_are_told_on_one_line() -> None:
    """A peer's line break must not forge a line of the explanation."""
    told = [value_text(value) for value in (None, "a\nb", 3, True, False, ("a", "b"))]
    assert told == ["absent", '"a\N{REPLACEMENT CHARACTER}b"', "3", "true", "false", "[a, b]"]
    assert saw_text({"watcher": "a", "presentity": None}, "watcher") == '"a", presentity absent'
