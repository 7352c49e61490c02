"""The search for differences, over random policies."""

from contextlib import closing
from random import Random

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.studying.compare import compare, what_differs
from tests.helpers.drawing import seeded
from tests.helpers.random_policies import changed, few_files
from tests.helpers.random_questions import question

SETS = 25
MOST = 500
"""Witnesses tried in each example."""


@seeded(SETS)
def test_a_difference_that_random_requests_show_is_found(random: Random) -> None:
    """The search must see what chance sees, and what it reports must be so."""
    both = changed(random, {"deny": "changed"})
    asked = [question(random) for _ in range(20)]
    with closing(load(both[0])) as old, closing(load(both[1])) as new:
        found = compare(old, new, MOST)
        by_chance = any(what_differs(old.decide(*one), new.decide(*one)) for one in asked)
        assert found.different or not by_chance
        for group in found.groups:
            view = view_of(group.given)
            assert what_differs(old.decide_view(view), new.decide_view(view)) == group.key.changed


@seeded(SETS)
def test_equal_policies_do_not_differ(random: Random) -> None:
    """A report that cries wolf is not read."""
    sources = few_files(random)
    with closing(load(sources)) as old, closing(load(sources)) as new:
        assert compare(old, new, 300).different == 0
