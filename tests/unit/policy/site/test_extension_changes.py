"""Whether tests of targets can tell whom phones can dial."""

from random import Random

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.extension_changes import Test, are_not_told
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.site import Site, make_site
from dfks_rules.policy.site.site_changes import dialled_changes

_DOMAIN = "a.example"
_ALICE = Aor("alice", _DOMAIN)


def _site(users: dict[str, list[str]], dialling: Dialling) -> Site:
    entries = (Entry(Aor(user, _DOMAIN), (), None, tuple(of)) for user, of in users.items())
    return make_site(Directory(entries), NumberPlan(dialling))


def _is(class_: str | None, reach: str | None) -> Test:
    return lambda one, other, _kind: class_ in (None, one) and reach in (None, other)


def _is_kind(*kinds: str) -> Test:
    return lambda _class, _reach, kind: kind in kinds


_PREMIUM, _ABROAD = _is("premium", None), _is(None, "international")


@pytest.mark.parametrize(
    ("users", "test", "lengths", "tells"),
    [
        ({"202": []}, _PREMIUM, None, False),
        ({"202": []}, _ABROAD, None, False),
        ({"202": []}, _is(None, "internal"), None, True),
        ({"202": ["+4930123456"]}, _PREMIUM, (3,), False),
        ({"2022": []}, _PREMIUM, (3,), True),
        ({"bob": ["+4930123456"]}, _is("internal", None), None, False),
        ({"11833": []}, _is("short-code", None), None, True),
        ({"1234567": []}, _PREMIUM, None, True),
        ({"201abc": []}, _PREMIUM, None, True),
        ({"202": ["+4930123456"]}, _is_kind("foreign", "code", "invalid"), (3,), False),
        ({"202": ["+4930123456"]}, _is_kind("external"), (3,), True),
    ],
)
def test_only_what_is_certain_is_not_told(
    users: dict[str, list[str]], test: Test, lengths: tuple[int, ...] | None, *, tells: bool
) -> None:
    """A user who came: `11833` is a directory enquiry otherwise."""
    dialling = Dialling("DE", lengths)
    old, new = _site({}, dialling), _site(users, dialling)
    for one, other in ((old, new), (new, old)):
        dialled = dialled_changes(one.directory, other.directory)
        assert are_not_told(one, other, dialled, [test], reads_numbers=False) is not tells


@pytest.mark.parametrize(
    ("users", "lengths", "tells"),
    [
        ({"202": []}, (3,), False),
        ({"bob": ["+4930123456"]}, None, False),
        ({"202": ["+4930123456"]}, (3,), False),
        ({"202": []}, None, True),
        ({"2022": []}, (3,), True),
    ],
)
def test_a_number_stays_one_unless_its_digits_become_an_extension(
    users: dict[str, list[str]], lengths: tuple[int, ...] | None, *, tells: bool
) -> None:
    """Whose number it is does not change which one it is."""
    dialling = Dialling("DE", lengths)
    old, new = _site({}, dialling), _site(users, dialling)
    for one, other in ((old, new), (new, old)):
        dialled = dialled_changes(one.directory, other.directory)
        assert are_not_told(one, other, dialled, [], reads_numbers=True) is not tells


def _directory(chance: Random) -> dict[str, list[str]]:
    users = ["201", "11833", "9", "0301", "110", "bob", "22222", "4930123456", "201abc", "+4930123"]
    numbers = ["201", "+4930123456", "+49900123456", "30123", "22222", "+4930123", "115", "1900"]
    chance.shuffle(numbers)
    some = chance.sample(users, chance.randint(0, 3))
    return {user: [numbers.pop()] if chance.random() < 0.5 else [] for user in some}


def _spelled(chance: Random) -> str:
    digits = chance.choice(
        ["", "201", "11833", "9", "0301", "22222", "4930123456", "+4930123", "115", "+49900123456"]
    )
    digits += "".join(chance.choices("0123456789", k=chance.choice([0, 0, 0, 1, 4])))
    digits += chance.choice(["", "", "", ",0900123456", "p1", "x4930123456", "abc", "*201", ",201"])
    text = chance.choice(["", "", "*72", "#31#"]) + digits
    context = chance.choice(["", "", "+4990012345", "+979", "+1900", "+4930"])
    host = chance.choice(["", "", "a.example", "b.example"])
    return (
        (f"sip:{text}" if host else text)
        + (f";phone-context={context}" if context else "")
        + (f"@{host}" if host else "")
    )


@pytest.mark.parametrize("seed", range(10))
def test_no_target_is_told_apart_where_nothing_can(seed: int) -> None:
    """Hundreds of random pairs of directories, and what is dialled in them."""
    chance = Random(seed)
    tests = [_PREMIUM, _ABROAD, _is("unknown", None), _is("internal", None), _is("national", None)]
    tests += [_is_kind("internal"), _is_kind("external", "invalid"), _is_kind("foreign", "code")]
    tests += [_is("short-code", None), _is(None, "national"), _is("emergency", None)]
    proved = 0
    for _ in range(60):
        lengths, outside = chance.choice([None, None, (3,), (3, 5)]), chance.choice(["", "0", "9"])
        dialling = Dialling(chance.choice(["DE", "US", None]), lengths, (), outside)
        old, new = (_site(_directory(chance), dialling) for _ in range(2))
        dialled = list(dialled_changes(old.directory, new.directory))
        silent = [
            one for one in tests if are_not_told(old, new, dialled, [one], reads_numbers=False)
        ]
        is_number_same = are_not_told(old, new, dialled, [], reads_numbers=True)
        proved += bool(dialled) and bool(silent)
        for text in [_spelled(chance) for _ in range(60)] if silent or is_number_same else []:
            left, right = (site.targets.analyse(text, _ALICE) for site in (old, new))
            if is_number_same:
                numbers = [(one.number, one.numbers, one.country) for one in (left, right)]
                assert numbers[0] == numbers[1], (dialled, dialling, text, left, right)
            for test in silent:
                passes = [test(one.class_, one.reach, one.kind) for one in (left, right)]
                assert passes[0] == passes[1], (dialled, dialling, text, left, right)
    assert proved > 10
