"""Whether tests of numbers can tell one number plan from another that names other classes."""

from collections.abc import Callable, Collection, Iterable
from itertools import product

from dfks_rules.policy.site.number_classes import classes_by_metadata
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

    True only where that is certain. Two plans that trust all readings of what is dialled alike read
    a number whose class has another name as before, unless its reading is now less, or more, risky
    than another one: then this other one has a class in between, and all else of it may differ.
    Readings are trusted alike where each plan names some class for the same numbers, or those that
    only one of them names begin with a whole number.

    Args:
        old: one plan.
        new: the other; both write numbers alike in each domain.
        classes: all that there are.
        tests: of the class.
        is_all_that_is_read: whether nothing else of a target matters.
    """
    tests = tuple(tests)
    for prefix, before, after in prefix_changes(old, new):
        sides = [_classes(prefix, name) for name in (before, after)]
        if None in sides:
            return False
        for one, other in product(*filter(None, sides)):
            alike = {one, other}
            lowest, highest = sorted((risk_of(one), risk_of(other)))
            if lowest != highest:
                if not is_all_that_is_read:
                    return False
                alike |= {name for name in classes if lowest <= risk_of(name) <= highest}
            if any(len(set(map(test, alike))) > 1 for test in tests):
                return False
    return True


def _classes(prefix: str, named: str | None) -> Collection[str] | None:
    """The classes of numbers that begin so; None: those a plan does not name are not trusted."""
    return classes_by_metadata(prefix) if named is None else (named,)
