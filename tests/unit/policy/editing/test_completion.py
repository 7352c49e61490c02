"""What an editor offers at the cursor."""

import pytest

from dfks_rules.policy.editing.completion import MAX_OFFERED, What, complete
from dfks_rules.policy.editing.names import Kind, Outlined, outlined
from dfks_rules.policy.facts.facts import fact_named
from dfks_rules.policy.reading.source import Source
from tests.helpers.edited import HEAD, at_cursor, folder

CASES = "kind: PolicyTest\ntests:\n  - name: a\n    expect: "
OFFICE = outlined(Source("office.yaml", HEAD))


def _offered(text: str, more: list[Outlined] | None = None) -> list[str]:
    file, line, column = at_cursor(text, "new.yaml")
    return [one.insert for one in complete(file, line, column, [file, *(more or [])])]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("    w|", "when: "),
        ("  - |", "id: "),
        ("    when:\n      |\n", "request.status: "),
        ("    when: {op: set, |\n    then: {status: 1}\n", "feature: "),
        ("    when: {op: |}", "subscribe"),
        ("    when: {time: {d|", "during: "),
        ("    when: {time: {during: |}}", "hours"),
        ("    when: {user: {var: |}}", "vips"),
        ("    when: {target.class: |}", "premium"),
        ("    when: {watcher: {sameAs: |}}", "presentity"),
        ('    then: {log: "x ${us|"}', "user}"),
        ('    then: {log: "${vars.|}"}', "vars.vips"),
        ("    then: {deny: {|}}", "exceptions: "),
        ("    then: {notify: |}", "others"),
    ],
)
def test_what_fits_is_offered(text: str, wanted: str) -> None:
    """Keys, facts, constants and names, in block style and in braces, closed or not."""
    assert wanted in _offered(HEAD + text)


def test_names_come_from_the_other_files_of_the_folder() -> None:
    """Groups, users and rules."""
    files = folder("policies/examples/business-hours")
    when = HEAD + "    when: "
    assert _offered(when + "{groups: {has: |", files) == ["reception", "sales"]
    assert _offered(when + "{user: |", files) == ["bob", "desk"]
    assert "sip:bob@acme.example" in _offered(when + "{watcher: |", files)
    assert "business-hours/night-service" in _offered(CASES + "{by: {status: |", files)
    assert "business-hours/night-service: " in _offered(CASES + "{lifted: {|", files)
    assert "office/first" in _offered("kind: Exception\nfor:\n  - |", [OFFICE])


def test_attributes_of_directories_are_facts() -> None:
    """Of each of those whom a request is about, where facts may stand."""
    files = folder("policies/examples/bosses")
    names = {one.name for file in files for one in file.definitions if one.kind is Kind.ATTRIBUTE}
    assert names
    offered = _offered(HEAD + "    when: {|", files)
    assert {f"watcher.{name}: " for name in names} <= set(offered)
    assert not {f"watcher.{name}: " for name in names} & set(_offered(HEAD + "    |", files))


def test_counts_of_groups_are_offered_if_they_are_facts() -> None:
    """A fact for each group and feature."""
    files = folder("policies/examples/business-hours")
    count = "group.sales.DoNotDisturb.off"
    is_offered = f"{count}: " in _offered(HEAD + "    when: {|", files)
    assert is_offered is (fact_named(count) is not None)


def test_a_key_that_is_there_is_not_offered_again() -> None:
    """But the one under the cursor is replaced as a whole."""
    assert "id: " not in _offered(HEAD + "    |")
    file, line, column = at_cursor(HEAD + "    wh|en: {op: set}\n")
    (found,) = [one for one in complete(file, line, column, [file]) if one.label == "unless"]
    assert (found.insert, found.span.start, found.span.end) == ("unless", 4, 8)
    assert found.what is What.KEY


def test_names_that_yaml_would_take_for_something_else_are_put_in_quotes() -> None:
    """A user who is called as a number."""
    users = outlined(Source("u.csv", "user,domain,groups\n201,a.b,\n"))
    assert _offered(HEAD + "    when: {user: |", [users]) == ['"201"']


@pytest.mark.parametrize("text", ["# |", "    description: >\n      a|", "    then: {log: 'x |y'}"])
def test_nothing_is_offered_in_free_text(text: str) -> None:
    """Comments, blocks, texts."""
    assert _offered(HEAD + text) == []


def test_no_more_are_offered_than_somebody_reads() -> None:
    """Only those with what has been typed then."""
    lines = "".join(f"u{n},a.b,\n" for n in range(MAX_OFFERED * 2))
    users = outlined(Source("u.csv", "user,domain,groups\n" + lines))
    assert len(_offered(HEAD + "    when: {user: |", [users])) == MAX_OFFERED
    found = _offered(HEAD + "    when: {user: u99|", [users])
    assert set(found) == {"u99", *(f"u99{n}" for n in range(10))}


def test_a_place_behind_the_end_of_the_file_is_none() -> None:
    """Client and server may be a key press apart."""
    file, _, _ = at_cursor(HEAD)
    assert complete(file, 999, 0, [file]) == []
