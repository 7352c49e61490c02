"""Whether tests of numbers can tell two number plans apart."""

from random import Random

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.number_changes import makes_no_difference
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.site import make_site

_ALICE = Aor("alice", "a.example")


def _plan(**classes: str) -> NumberPlan:
    prefixes = {f"+{prefix[1:]}": name for prefix, name in classes.items()}
    return NumberPlan(Dialling("DE"), {}, prefixes)


def _tells(old: NumberPlan, new: NumberPlan, wanted: str, *, alone: bool = True) -> bool:
    classes = make_site(Directory(), old).classes | make_site(Directory(), new).classes
    tests = [lambda name: name == wanted]
    return not makes_no_difference(old, new, classes, tests, is_all_that_is_read=alone)


@pytest.mark.parametrize(
    ("old", "new", "wanted", "alone", "tells"),
    [
        ({"_49": "one"}, {"_49": "two"}, "premium", False, False),
        ({"_49": "one"}, {"_49": "two"}, "two", False, True),
        ({"_49": "voip"}, {"_49": "two"}, "premium", True, False),
        ({"_49": "voip"}, {"_49": "two"}, "premium", False, True),
        ({"_49": "voip"}, {"_49": "pager"}, "uan", True, True),
        ({"_49": "voip"}, {"_49": "pager"}, "premium", True, False),
        ({"_49": "one"}, {}, "premium", True, True),
        ({}, {"_49": "one"}, "premium", True, True),
        ({}, {"_4930123456": "one"}, "premium", True, False),
        ({}, {"_4930123456": "one"}, "national", True, True),
        ({}, {"_4930123456": "one"}, "premium", False, True),
        ({"_4930123456": "one"}, {}, "premium", True, False),
        ({}, {"_499001234567": "one"}, "premium", True, True),
        ({"_49": "one"}, {"_49": "one", "_491": "two"}, "premium", False, False),
        ({"_49": "one", "_491": "two"}, {"_49": "one"}, "two", False, True),
    ],
)
def test_only_what_is_certain_makes_no_difference(
    old: dict[str, str],
    new: dict[str, str],
    wanted: str,
    alone: bool,
    tells: bool,
) -> None:
    """A class in between may come up where a number is read in two ways."""
    assert _tells(_plan(**old), _plan(**new), wanted, alone=alone) is tells


def test_no_number_is_told_apart_where_nothing_can() -> None:
    """A thousand random plans, and what is dialled in them."""
    chance = Random(13)
    names = ["premium", "voip", "mobile", "own", "other", "uan", "unknown", "toll-free"]
    starts = ["+49", "+4930", "+4932", "+49900", "+1900", "+4949", "+49491", "+493", "+1"]
    starts += ["+4930123456", "+499001234567", "+494930123456", "+12015550123"]
    harmless = 0
    for _ in range(1_000):
        prefixes = chance.sample(starts, chance.randint(1, 4))
        old, new = (
            NumberPlan(Dialling("DE"), {}, {one: chance.choice(names) for one in prefixes})
            for _ in range(2)
        )
        wanted, alone = chance.choice(names), chance.random() < 0.5
        if _tells(old, new, wanted, alone=alone):
            continue
        harmless += 1
        one, other = (make_site(Directory(), plan).targets for plan in (old, new))
        for _ in range(30):
            start = chance.choice(["", "0", "00", "+", "0049", "49", "0900", "900", "032", "+4932"])
            start = chance.choice([start, "4930123456", "+4930123456", "0900123456", "030123456"])
            text = start + "".join(chance.choices("0123456789", k=chance.randint(1, 10)))
            text += chance.choice(["", "", "", ",900123456", "p49301"])
            left, right = one.analyse(text, _ALICE), other.analyse(text, _ALICE)
            assert (left.class_ == wanted) == (right.class_ == wanted), (old, new, text)
            if not alone:
                assert left._replace(class_="") == right._replace(class_=""), (old, new, text)
    assert harmless > 100
