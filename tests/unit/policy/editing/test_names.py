"""Names: where they are defined, and where they are used."""

import pytest

from dfks_rules.policy.editing.names import (
    MAX_USERS,
    Kind,
    Mention,
    definitions_of,
    is_shared,
    kind_used_at,
    outlined,
    used_at,
)
from dfks_rules.policy.editing.outline import Span, outline
from dfks_rules.policy.reading.source import Source
from tests.helpers.edited import HEAD, folder


def _defined(text: str, file: str = "f.yaml") -> set[tuple[Kind, str]]:
    return {(one.kind, one.name) for one in outlined(Source(file, text)).definitions}


def test_policies_define_rules_schedules_and_variables() -> None:
    """A rule has the name of its policy, and is described by its description."""
    found = outlined(Source("p.yaml", HEAD)).definitions
    assert {(one.kind, one.name) for one in found} == {
        (Kind.RULE, "office/first"),
        (Kind.SCHEDULE, "hours"),
        (Kind.VARIABLE, "vips"),
    }
    assert next(one.note for one in found if one.kind is Kind.RULE) == "Calls stay in the house."


@pytest.mark.parametrize(
    ("file", "text", "kind", "name"),
    [
        ("x.yaml", "kind: Exception\nmetadata: {name: e}\n", Kind.RULE, "e/exception"),
        ("l.yaml", "kind: List\nmetadata: {name: l}\n", Kind.LIST, "l"),
        ("barred.csv", "entry,why\n+49,x\n", Kind.LIST, "barred"),
        ("days.ics", "BEGIN:VCALENDAR\n", Kind.CALENDAR, "days"),
        ("v.yaml", "kind: Vars\nvars: {desk: x}\n", Kind.VARIABLE, "desk"),
        ("d.yaml", "kind: Directory\ngroups: {sales: [bob]}\n", Kind.GROUP, "sales"),
        ("d.yaml", "kind: Directory\ndomain: a.b\nusers: {bob: {}}\n", Kind.USER, "bob@a.b"),
        ("n.yaml", 'kind: NumberPlan\nclasses: {dear: ["+1900"]}\n', Kind.CLASS, "dear"),
        ("u.csv", "user,domain,groups,boss\nal,a.b,x;y,\n", Kind.GROUP, "y"),
        ("u.csv", "user,domain,groups,boss\nal,a.b,x;y,\n", Kind.ATTRIBUTE, "boss"),
        ("u.csv", "user,domain,groups,boss\nal,a.b,x;y,\n", Kind.USER, "al@a.b"),
    ],
)
def test_each_kind_of_file_defines_its_names(file: str, text: str, kind: Kind, name: str) -> None:
    """Shared ones, which policies use."""
    assert (kind, name) in _defined(text, file)


def test_the_line_of_csv_is_the_first_one_that_has_the_group() -> None:
    """The place of the very group in it."""
    text = "user,domain,groups\nal,a.b,x\nbo,a.b,x y\n"
    found = {one.name: one.span for one in outlined(Source("u.csv", text)).definitions}
    assert found["y"] == Span(2, 9, 10)
    assert found["x"] == Span(1, 7, 8)


def test_a_large_directory_offers_its_first_users_and_all_its_groups() -> None:
    """Whoever has a hundred thousand of them remembers their names."""
    lines = "".join(f"u{n},a.b,g{n}\n" for n in range(MAX_USERS + 9))
    found = _defined("user,domain,groups\n" + lines, "u.csv")
    assert sum(kind is Kind.USER for kind, _ in found) == MAX_USERS
    assert sum(kind is Kind.GROUP for kind, _ in found) == MAX_USERS + 9


@pytest.mark.parametrize(
    ("kind", "path", "of"),
    [
        ("Policy", ("rules", 0, "when", "groups", "has"), Kind.GROUP),
        ("Policy", ("rules", 0, "when", "groups", "has", 1), Kind.GROUP),
        ("Policy", ("rules", 0, "when", "groups", "sameAs"), None),
        ("Policy", ("rules", 0, "when", "user"), Kind.USER),
        ("Policy", ("rules", 0, "when", "user", "prefix"), None),
        ("Policy", ("rules", 0, "when", "user", "in", "list"), Kind.LIST),
        ("Policy", ("rules", 0, "when", "time", "during"), Kind.SCHEDULE),
        ("Policy", ("rules", 0, "then", "expire", "during"), Kind.SCHEDULE),
        ("Policy", ("rules", 0, "when", "target.class", 0), Kind.CLASS),
        ("Policy", ("rules", 0, "id"), None),
        ("Policy", ("schedules", "x", "except", 0, "calendar"), Kind.CALENDAR),
        ("PolicyTest", ("tests", 0, "given", "presentity"), Kind.AOR),
        ("PolicyTest", ("tests", 0, "expect", "by", "deny"), Kind.RULE),
        ("PolicyTest", ("tests", 0, "expect", "matched", 0), Kind.RULE),
        ("PolicyTest", ("tests", 0, "expect", "lifted", "a/b"), Kind.RULE),
        ("Exception", ("for", 0), Kind.RULE),
        ("Policy", ("rules", 0, "then", "also", 0, "group"), Kind.GROUP),
        ("Exception", ("by",), None),
        ("Directory", ("users", "bob", "groups", 0), Kind.GROUP),
    ],
)
def test_a_place_says_what_its_value_is_the_name_of(
    kind: str, path: tuple[str | int, ...], of: Kind | None
) -> None:
    """By the keys that lead there."""
    assert kind_used_at(kind, path) is of


def test_texts_use_facts_and_variables() -> None:
    """Each where it stands in the text."""
    (_, token) = outline('log: "${user} at ${vars.desk}"\n')
    assert list(used_at("Policy", token)) == [
        (Kind.FACT, "user", Span(0, 8, 12)),
        (Kind.VARIABLE, "desk", Span(0, 24, 28)),
    ]


def test_facts_use_the_name_in_them() -> None:
    """Attributes and groups, in keys, in what they are compared with, and in texts."""
    text = (
        "when: {user.boss: {sameAs: watcher.boss}, group.a.b.DoNotDisturb.off: 1}\nlog: ${user.x}\n"
    )
    used = [one for token in outline(text) for one in used_at("Policy", token)]
    assert used == [
        (Kind.ATTRIBUTE, "boss", Span(0, 12, 16)),
        (Kind.ATTRIBUTE, "boss", Span(0, 35, 39)),
        (Kind.GROUP, "a.b", Span(0, 48, 51)),
        (Kind.FACT, "user.x", Span(1, 7, 13)),
        (Kind.ATTRIBUTE, "x", Span(1, 12, 13)),
    ]


def test_the_rule_that_an_exception_lifts_is_used_as_a_key_too() -> None:
    """In the cases that expect it."""
    text = "kind: PolicyTest\ntests:\n  - expect: {lifted: {a/b: e/exception}}\n"
    uses = {one.name for one in outlined(Source("cases.yaml", text)).uses}
    assert uses == {"a/b", "e/exception"}


def test_a_name_of_the_file_itself_hides_that_of_another_file() -> None:
    """Schedules of other files are not seen at all."""
    own = outlined(Source("a.yaml", HEAD))
    shared = outlined(Source("v.yaml", "kind: Vars\nvars: {vips: [bob], desk: x}\n"))
    other = outlined(Source("b.yaml", HEAD))
    files = [shared, own, other]
    nowhere = Span(0, 0, 0)

    def files_of(kind: Kind, name: str, file: str) -> list[str]:
        return [one.file for one in definitions_of(Mention(kind, name, file, nowhere), files)]

    assert files_of(Kind.VARIABLE, "vips", "a.yaml") == ["a.yaml"]
    assert files_of(Kind.VARIABLE, "desk", "a.yaml") == ["v.yaml"]
    assert files_of(Kind.SCHEDULE, "hours", "v.yaml") == []
    assert not is_shared(Kind.SCHEDULE, own)
    assert is_shared(Kind.VARIABLE, shared)


def test_users_are_found_by_their_name_and_by_their_address() -> None:
    """Of the example of bosses."""
    files = folder("policies/examples/toll-fraud")
    nowhere = Span(0, 0, 0)
    for kind, name in ((Kind.USER, "alice"), (Kind.AOR, "sip:alice@acme.example")):
        (found,) = definitions_of(Mention(kind, name, "policy.yaml", nowhere), files)
        assert (found.file, found.span.line) == ("users.csv", 1)
