"""Whom facts are about, and which facts rules read."""

import pytest

from dfks_rules.policy.studying.site_pins import facts_in, is_of_target, person_in
from tests.helpers.spaces import compiled


@pytest.mark.parametrize(
    ("fact", "person"),
    [
        ("groups", ("presentity", "groups")),
        ("user.zone", ("presentity", "zone")),
        ("watcher.role", ("watcher", "role")),
        ("watcher.zone", ("watcher", "zone")),
        ("target.groups", ("target", "groups")),
        ("target.class", None),
        ("watcher.user", None),
        ("user", None),
        ("group.desk.DoNotDisturb.off", None),
    ],
)
def test_a_directory_says_some_facts_of_somebody(fact: str, person: tuple[str, str] | None) -> None:
    """Others are no part of it."""
    assert person_in(fact) == person


def test_facts_that_rules_test_and_write_are_read() -> None:
    """Lines and texts too."""
    rules = compiled(
        '- {id: r, when: {op: set, not: {role: x}}, then: {log: "${user.zone}", '
        'deny: {reason: no, text: "${target.number}"}}}'
    ).rules
    assert facts_in(rules) >= {"op", "role", "user.zone", "target.number"}


def test_loops_depend_on_what_others_have_stored() -> None:
    """So no site says them."""
    assert [is_of_target(one) for one in ("target.class", "target.loop", "user")] == [
        True,
        False,
        False,
    ]
