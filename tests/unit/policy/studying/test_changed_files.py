"""Files that say something else, in words."""

from dfks_rules.model.identity import Aor
from dfks_rules.policy.reading.source import CALENDAR, LIST, VARS, Source
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.studying.changed_files import (
    changed_directory,
    changed_plan,
    changed_shared,
)

_TOP = "apiVersion: dfks/v1\nkind: Vars\nmetadata: {name: v}\nvars: "
_DAY = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:{}\nSUMMARY:x\nEND:VEVENT\n"
_ICS = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{}END:VCALENDAR\n"


def _users(*entries: Entry) -> Directory:
    return Directory(entries)


def test_entries_days_and_variables_that_came_or_went_are_named() -> None:
    """A few of them, and how many more there are."""
    many = "".join(f"{number}\n" for number in range(1, 10))
    old = [
        Source("a/l.csv", "entry\nx\n"),
        Source("a/v.yaml", f"{_TOP}{{one: 1, two: 2}}\n"),
        Source("a/h.ics", _ICS.format(_DAY.format("20260101"))),
        Source("a/same.csv", "entry\nx\n"),
    ]
    new = [
        Source("b/l.csv", f"entry\n{many}"),
        Source("b/v.yaml", f"{_TOP}{{two: 3, three: [a]}}\n"),
        Source("b/h.ics", _ICS.format(_DAY.format("20260102"))),
        Source("b/same.csv", "entry\nx\n"),
    ]
    found = {one.kind: one for one in changed_shared(old, new)}
    assert found[LIST].lines == (
        "9 entries came: `1`, `2`, `3`, `4`, `5` and 4 more",
        "1 entry went: `x`",
    )
    assert found[LIST].name == "`l.csv`"
    assert found[VARS].lines == (
        "the variable `one` went",
        "the variable `three` came: [a]",
        "`two` is 3; it was 2",
    )
    assert found[CALENDAR].lines == ("1 day came: `2026-01-02`", "1 day went: `2026-01-01`")
    assert (found[LIST].before, found[LIST].after) == (old[0], new[0])


def test_a_tenants_list_is_another_one_than_that_of_all() -> None:
    """Though both are called alike."""
    listed = Source("l.csv", "entry\nx\n")
    (came,) = changed_shared([listed], [listed, Source("t/l.csv", "entry\ny\n", "a.example")])
    assert (came.name, came.before) == ("`a.example/l.csv`", None)


def test_users_of_whom_the_same_has_changed_are_told_together() -> None:
    """Most first; and numbers that reach somebody else."""
    ann, *others = (Aor(name, "a.example") for name in ("ann", "bob", "cat"))
    sources = [Source(f"{side}/u.csv", f"user,domain\n{side}") for side in ("old", "new")]
    old = _users(Entry(ann, ("x",), "boss"), *(Entry(one, ("x",)) for one in others))
    new = _users(
        Entry(ann, ("x",), None, ("201",)), *(Entry(one, ("x", "guests")) for one in others)
    )
    file = changed_directory(sources[:1], sources[1:], old, new)
    assert file is not None
    assert file.lines == (
        "2 users of a.example (`bob`, `cat`): in `guests` now",
        "`ann@a.example`: role none, was `boss`",
        "names and numbers that are dialled: `201`",
    )
    assert changed_directory(sources[:1], sources[:1], old, new) is None


def test_a_directory_that_moves_to_a_tenant_has_changed() -> None:
    """Its text is the same, and what it says is not."""
    text = "user,domain\nbob,a.example\n"
    one, other = Source("u.csv", text), Source("u.csv", text, "a.example")
    assert changed_directory([one], [other], _users(), _users()) is not None


def test_lines_are_bounded() -> None:
    """A directory may be written anew."""
    sources = [Source(f"{side}/u.csv", f"user,domain\n{side}") for side in ("old", "new")]
    users = [Entry(Aor(f"u{n}", f"d{n}.example"), ("x",)) for n in range(40)]
    file = changed_directory(sources[:1], sources[1:], _users(), _users(*users))
    assert file is not None
    assert len(file.lines) == 11
    assert file.lines[-1] == "and 30 more"


def test_classes_and_domains_of_a_number_plan_are_named() -> None:
    """With what they were."""
    texts = [Source(f"{n}.yaml", f"kind: NumberPlan\n# {n}\n") for n in range(2)]
    old = NumberPlan(Dialling("DE"), {}, {"+4932": "dear", "+4933": "dear"})
    new = NumberPlan(Dialling("FR"), {}, {"+4932": "cheap", "+4933": "cheap", "+33": "dear"})
    file = changed_plan(texts[:1], texts[1:], old, new)
    assert file is not None
    assert file.lines == (
        "numbers that begin with `+33`: class `dear`, was as the metadata says",
        "numbers that begin with `+4932`, `+4933`: class `cheap`, was `dear`",
        "phones of all other domains write numbers otherwise",
    )
