"""Whether tests of numbers can tell one number plan from another that names other classes."""

from collections.abc import Callable, Collection, Iterable

from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.numbering import risk_of
from dfks_rules.policy.site.site_changes import prefix_changes


def makes_no_difference(
    old: NumberPlan,
    new: NumberPlan,
    classes: Collection[str],
    tests: Iterable[Callable[[str], bool]],
    *,
    is_all_that_is_read: bool,
) -> bool:
    """Whether no test passes for a number by one plan, and fails by the other.

    True only where that is certain. Two plans of which each names a class for the same numbers
    trust all readings of what is dialled alike. So a number whose class has another name is read as
    before, unless its reading is now less, or more, risky than another one: then this other one has
    a class in between, and all else of it may differ.

    Args:
        old: one plan.
        new: the other; both write numbers alike in each domain.
        classes: all that there are.
        tests: of the class.
        is_all_that_is_read: whether nothing else of a target matters.
    """
    if not _name_the_same(old, new):
        return False
    tests = tuple(tests)
    for _, before, after in prefix_changes(old, new):
        if before is None or after is None:
            return False
        alike = {before, after}
        lowest, highest = sorted((risk_of(before), risk_of(after)))
        if lowest != highest:
            if not is_all_that_is_read:
                return False
            alike |= {one for one in classes if lowest <= risk_of(one) <= highest}
        for test in tests:
            if len(set(map(test, alike))) > 1:
                return False
    return True


def _name_the_same(old: NumberPlan, new: NumberPlan) -> bool:
    """Whether both name a class for the same numbers, if not the same class."""
    return all(
        other.class_of(prefix) is not None
        for one, other in ((old, new), (new, old))
        for prefix in one.prefixes
    )
