"""Renaming a rule, and mending what a finding suggests to mend."""

from datetime import date

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.editing.changing import (
    Edit,
    RenameError,
    correction,
    renamable_at,
    rename,
)
from dfks_rules.policy.editing.names import Outlined, outlined
from dfks_rules.policy.editing.outline import Span
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.source import Source
from tests.helpers.edited import HEAD, at_cursor, folder


def _made(edits: list[Edit], files: list[Outlined]) -> list[Source]:
    """The files with edits made."""
    made = []
    for file in files:
        lines = file.source.text.split("\n")
        here = [one for one in edits if one.file == file.source.file]
        for _, (row, start, end), text in sorted(here, key=lambda one: one.span, reverse=True):
            lines[row] = lines[row][:start] + text + lines[row][end:]
        made.append(file.source._replace(text="\n".join(lines)))
    return made


def test_a_rule_is_renamed_wherever_it_is_named() -> None:
    """In its policy, in cases, in what they expect to be lifted, and in Exceptions."""
    files = folder("policies/examples/exception")
    policy = next(one for one in files if one.source.file == "policy.yaml")
    (rule,) = [one for one in policy.definitions if one.name == "travel/no-calls-abroad"]
    found = renamable_at(policy, rule.span.line, rule.span.start)
    assert found == rule
    edits = rename(rule, "stay", files)
    assert {one.file for one in edits} == {"policy.yaml", "cases.yaml", "boss-abroad.yaml"}
    for before, after in zip(files, _made(edits, files), strict=True):
        assert after.text == before.source.text.replace("no-calls-abroad", "stay")
    use = next(one for file in files for one in file.uses if one.name == rule.name)
    assert rename(use, "travel/stay", files) == edits


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("No way", "lower-case letters"),
        ("no-premium-numbers", "there is a rule `travel/no-premium-numbers`"),
        ("other/stay", "is not a name"),
    ],
)
def test_a_name_that_no_rule_can_have_is_refused(new: str, why: str) -> None:
    """With the reason."""
    files = folder("policies/examples/exception")
    rule = next(
        one for file in files for one in file.definitions if one.name == "travel/no-calls-abroad"
    )
    with pytest.raises(RenameError, match=why):
        rename(rule, new, files)


def test_what_cannot_be_renamed_is_refused_with_words() -> None:
    """An editor alone says no more than that it cannot."""
    for text, why in (
        ("kind: Exception\nmetadata: {name: b|oss}\n", "an Exception is called as `metadata` says"),
        (
            HEAD + "    when: {groups: {has: sa|les}}\n",
            "group `sales` cannot be renamed here: groups",
        ),
        (HEAD + "    when: {target.number: {in: {list: bar|red}}}\n", "list `barred` cannot be"),
    ):
        with pytest.raises(RenameError, match=why):
            renamable_at(*at_cursor(text))
    assert renamable_at(*at_cursor(HEAD.replace("kind:", "ki|nd:"))) is None


def test_a_rule_that_nobody_defines_is_not_renamed() -> None:
    """It may be misspelt."""
    file, line, column = at_cursor("kind: Exception\nfor: [a/b|]\n")
    unknown = renamable_at(file, line, column)
    assert unknown is not None
    with pytest.raises(RenameError, match="no file has a rule `a/b`"):
        rename(unknown, "c", [file])


SCHEDULED = (
    HEAD
    + """\
    when: {user: [{var: vips}], time: {outside: hours}}
    then: {log: "${vars.vips}", expire: {during: hours}}
"""
)


@pytest.mark.parametrize(("name", "times"), [("hours", 3), ("vips", 3)])
def test_schedules_and_variables_are_renamed_in_their_file(name: str, times: int) -> None:
    """Another file may call its own the same."""
    first, second = (outlined(Source(f"{one}.yaml", SCHEDULED)) for one in "ab")
    definition = next(one for one in first.definitions if one.name == name)
    found = renamable_at(first, definition.span.line, definition.span.start)
    assert found == definition
    edits = rename(definition, "other", [first, second])
    assert len(edits) == times
    made, untouched = _made(edits, [first, second])
    assert made.text == SCHEDULED.replace(name, "other")
    assert untouched.text == SCHEDULED
    with pytest.raises(RenameError, match="is not a name"):
        rename(definition, "No way", [first])


def test_shared_variables_are_renamed_wherever_they_are_meant() -> None:
    """And not in a file that has one of its own."""
    shared = outlined(Source("v.yaml", "kind: Vars\nmetadata: {name: v}\nvars: {vips: [bob]}\n"))
    own = outlined(Source("own.yaml", SCHEDULED))
    without = SCHEDULED.replace("vars:\n  vips: [alice]\n", "")
    user = outlined(Source("user.yaml", without))
    files = [shared, own, user]
    use = next(one for one in user.uses if one.name == "vips")
    edits = rename(use, "bosses", files)
    assert {one.file for one in edits} == {"v.yaml", "user.yaml"}
    assert [one.text for one in _made(edits, files)] == [
        shared.source.text.replace("vips", "bosses"),
        SCHEDULED,
        without.replace("vips", "bosses"),
    ]
    again = outlined(shared.source._replace(file="w.yaml"))
    with pytest.raises(RenameError, match="several files define variable `vips`"):
        rename(use, "bosses", [*files, again])
    taken = outlined(Source("w.yaml", "kind: Vars\nvars: {bosses: [eve]}\n"))
    with pytest.raises(RenameError, match="there is a variable `bosses`"):
        rename(use, "bosses", [*files, taken])
    with pytest.raises(RenameError, match="no file has a variable `vips`"):
        rename(use, "bosses", [user])


@pytest.mark.parametrize(
    ("rule", "mended"),
    [
        ("when: {opp: set}\n    then: {status: 1}", "when: {op: set}"),
        ("when: {op: sett}\n    then: {status: 1}", "when: {op: set}"),
        ("when: {op: set, usr: x}\n    then: {status: 1}", "user: x"),
        ("whenn: {op: set}\n    then: {status: 1}", "    when: {op: set}"),
        ("when: {op: set}\n    then: {stats: 1}", "then: {status: 1}"),
        ("when: {op: set, user: {prefx: x}}\n    then: {status: 1}", "{prefix: x}"),
        ("when: {op: set, user: [{var: vps}]}\n    then: {status: 1}", "{var: vips}"),
        ("when: {op: set, time: {during: huors}}\n    then: {status: 1}", "{during: hours}"),
        ("when: {op: set}\n    then: {log: 'a ${vars.vps}'}", "'a ${vars.vips}'"),
        ("when: {op: set}\n    then: {log: 'a ${usr}'}", "'a ${user}'"),
        ("when: {op: set, target.class: premum}\n    then: {deny: x}", "target.class: premium"),
        ("when: {op: set, user: {in: {list: bared}}}\n    then: {deny: x}", "{list: barred}"),
        (
            "when: {op: set, request.status: 1, user.mangaer: x}\n    then: {deny: x}",
            "user.manager: x",
        ),
        (
            "when: {op: set, request.status: 1, groups: {has: slaes}}\n    then: {deny: x}",
            "{has: sales}",
        ),
    ],
)
def test_every_suggestion_of_a_finding_can_be_taken(rule: str, mended: str) -> None:
    """And the finding is gone then."""
    text = HEAD.replace("    description: Calls stay in the house.\n", f"    {rule}\n")
    others = [
        Source("barred.csv", "entry\nmallory\n"),
        Source("users.csv", "user,domain,groups,manager\nalice,a.b,sales,bob\n"),
    ]
    file = outlined(Source("office.yaml", text))
    today = date(2026, 11, 26)
    _, findings = check_and_lint([file.source, *others], today)
    suggested = [one for one in findings if "did you mean" in one.message]
    assert len(suggested) == 1
    edit = correction(suggested[0], file)
    assert edit is not None
    (made,) = _made([edit], [file])
    assert mended in made.text
    _, left = check_and_lint([made, *others], today)
    assert not [one for one in left if "did you mean" in one.message]


def test_a_finding_without_a_suggestion_changes_nothing() -> None:
    """Nor does one about a word that has gone meanwhile, or about no line."""
    file = outlined(Source("office.yaml", HEAD))
    hint = "unknown fact `opp` (did you mean `op`?)"
    for line, message in ((1, "file is empty"), (1, hint), (99, hint), (0, hint)):
        finding = Finding("office.yaml", line, line, "policy_unknown_fact", message)
        assert correction(finding, file) is None


def test_a_word_in_a_csv_file_is_mended_where_the_finding_points() -> None:
    """There are no tokens, but a line and a column."""
    file = outlined(Source("users.csv", "user,domain,grops\n"))
    message = "unknown column `grops` (did you mean `groups`?)"
    finding = Finding("users.csv", 1, 13, "policy_unknown_column", message, "warning")
    assert correction(finding, file) == Edit("users.csv", Span(0, 12, 17), "groups")
