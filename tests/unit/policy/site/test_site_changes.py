"""What directories and number plans say otherwise."""

from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.site_changes import (
    PrefixChange,
    UserChange,
    code_changes,
    dialled_changes,
    domain_changes,
    prefix_changes,
    user_changes,
)
from dfks_rules.policy.site.star_codes import StarCode

_ANN, _BOB = Aor("ann", "a.example"), Aor("bob", "a.example")


def _directory(*entries: Entry) -> Directory:
    return Directory(entries)


def test_users_of_whom_something_else_is_said_are_told() -> None:
    """Also those who came; not those of whom the same is said."""
    old = _directory(Entry(_ANN, ("x",)), Entry(_BOB, ("x",), "boss"))
    new = _directory(
        Entry(_ANN, ("x",)), Entry(_BOB, ("x",), None, (), "", columns=("z",), cells=("1",))
    )
    (change,) = user_changes(old, new)
    assert change == UserChange(
        _BOB,
        {"groups": ("x",), "role": "boss", "z": None},
        {"groups": ("x",), "role": None, "z": "1"},
    )
    assert list(user_changes(old, new, ["groups"])) == []
    (came,) = user_changes(_directory(), _directory(Entry(_ANN, ("x",))))
    assert (came.before["groups"], came.after["groups"]) == (None, ("x",))


def test_names_and_numbers_that_reach_somebody_else_are_told() -> None:
    """Names that no phone dials as digits are not among them."""
    desk = Aor("201", "a.example")
    old = _directory(Entry(_ANN, numbers=("+4930123", "202")))
    new = _directory(Entry(_ANN, numbers=("202",)), Entry(_BOB, numbers=("+4930123",)), Entry(desk))
    assert set(dialled_changes(old, new)) == {("a.example", "+4930123"), ("a.example", "201")}
    assert list(dialled_changes(old, old)) == []


def test_classes_that_are_named_otherwise_are_told_for_each_beginning() -> None:
    """The longest beginning counts; one that says the same as a shorter one changes nothing."""
    old = NumberPlan(prefixes={"+49": "home", "+491": "own"})
    new = NumberPlan(prefixes={"+49": "home", "+4930": "home", "+33": "own"})
    assert prefix_changes(old, new) == [
        PrefixChange("+33", None, "own"),
        PrefixChange("+491", "own", "home"),
    ]


def test_domains_that_write_numbers_otherwise_are_told() -> None:
    """The empty name is all that are not named."""
    old = NumberPlan(Dialling("DE"), {"a.example": Dialling("DE"), "b.example": Dialling("US")})
    new = NumberPlan(Dialling("DE"), {"b.example": Dialling("US", (3,))})
    assert domain_changes(old, new) == ["b.example"]
    assert domain_changes(old, new._replace(default=Dialling("FR"))) == [
        "a.example",
        "b.example",
        "",
    ]
    codes = {"a.example": {"*72": StarCode(Feature.DO_NOT_DISTURB, None)}}
    assert code_changes(old, old._replace(codes=codes)) == ["a.example"]
