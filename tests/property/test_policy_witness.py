"""The search for differences, over random policies."""

from contextlib import closing

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.compare import compare, what_differs
from tests.helpers.random_policies import Question, changeable, dumped, files, questions

PROFILE = settings(
    max_examples=25,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MOST = 500
"""Witnesses tried in each example."""


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[Source], list[Source]]:
    """Two sets of policies, of which one rule refuses in the second."""
    old = draw(files().filter(changeable))
    number, position = draw(st.sampled_from(changeable(old)))
    policy = yaml.safe_load(old[number].text)
    policy["rules"][position]["then"] = {"deny": "changed"}
    return old, [*old[:number], dumped(policy), *old[number + 1 :]]


@PROFILE
@given(versions(), st.lists(questions(), min_size=5, max_size=20))
def test_a_difference_that_random_requests_show_is_found(
    both: tuple[list[Source], list[Source]], asked: list[Question]
) -> None:
    """The search must see what chance sees, and what it reports must be so."""
    with closing(load(both[0])) as old, closing(load(both[1])) as new:
        found = compare(old, new, MOST)
        by_chance = any(what_differs(old.decide(*one), new.decide(*one)) for one in asked)
        assert found.different or not by_chance
        for group in found.groups:
            view = view_of(group.given)
            assert what_differs(old.decide_view(view), new.decide_view(view)) == group.key.changed


@PROFILE
@given(files())
def test_equal_policies_do_not_differ(sources: list[Source]) -> None:
    """A report that cries wolf is not read."""
    with closing(load(sources)) as old, closing(load(sources)) as new:
        assert compare(old, new, 300).different == 0
