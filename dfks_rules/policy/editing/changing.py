"""What an editor changes for an author: a name everywhere, and what a finding suggests."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.policy.editing.looking import mention_at
from dfks_rules.policy.editing.names import Kind, Mention, Outlined, used_at
from dfks_rules.policy.editing.outline import Span
from dfks_rules.policy.reading.schema_pieces import IDENTIFIER, WANTED
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.scalar import scalar

_SUGGESTED = re.compile(r"`([^`]+)`([^`]*|[^`]* is not one of .*) \(did you mean `([^`]+)`\?\)")


class Edit(NamedTuple):
    """A text that replaces another one."""

    file: str
    """The file."""
    span: Span
    """What is replaced."""
    text: str
    """What it becomes."""


class RenameError(ValueError):
    """A name cannot be changed, or not to this one; the message says why."""


_KEPT: dict[Kind, str] = {
    Kind.LIST: "a list is called as its file, and other folders may use it",
    Kind.CALENDAR: "a calendar is called as its file",
    Kind.GROUP: "groups come from directories, which other systems may write",
    Kind.USER: "users come from directories, which other systems may write",
    Kind.AOR: "users come from directories, which other systems may write",
    Kind.ATTRIBUTE: "attributes come from directories, which other systems may write",
    Kind.CLASS: "classes of numbers are used in other folders, too",
}
"""Kinds whose names the editor does not change, and why."""


def renamable_at(file: Outlined, line: int, column: int) -> Mention | None:
    """The rule, schedule or variable under the cursor; None: there is no name.

    Of a rule, the span is that of its id alone.

    Raises:
        RenameError: it is a name that cannot be changed here.
    """
    mention = mention_at(file, line, column)
    if mention is None or mention.kind is Kind.FACT:
        return None
    if mention.kind is Kind.RULE and mention.name.endswith("/exception"):
        raise RenameError("an Exception is called as `metadata` says; change it there")
    if mention.kind in _KEPT:
        what = f"{mention.kind.value} {quoted(mention.name)}"
        raise RenameError(f"{what} cannot be renamed here: {_KEPT[mention.kind]}")
    return mention._replace(span=_of_id(mention)) if mention.kind is Kind.RULE else mention


def rename(found: Mention, new: str, files: Sequence[Outlined]) -> list[Edit]:
    """The edits that give a rule, a schedule or a variable another name, wherever it is named.

    Args:
        found: as `renamable_at` gives it.
        new: the new name; of a rule the new id, with or without the name of the policy.
        files: all files of the folder; for a rule, those elsewhere that are about the folder, too.

    Raises:
        RenameError: it cannot be called so, something else is, or no file defines it.
    """
    if found.kind is Kind.RULE:
        return _rename_rule(found, new, files)
    _demand_name(new)
    own = [one for one in files if one.source.file == found.file]
    if not _defining(found, own):
        # What is defined in a file of kind Vars is used wherever nothing else is meant.
        own = [one for one in files if one.kind == "Vars" or not _defining(found, [one])]
        if len(_defining(found, own)) > 1:
            raise RenameError(f"several files define {found.kind.value} `{found.name}`")
    if not _defining(found, own):
        raise RenameError(f"no file has a {found.kind.value} `{found.name}`")
    if _defining(found._replace(name=new), files if len(own) > 1 else own):
        raise RenameError(f"there is a {found.kind.value} `{new}`")
    meant = (
        one
        for file in own
        for one in (*file.definitions, *file.uses)
        if (one.kind, one.name) == (found.kind, found.name)
    )
    return [Edit(one.file, one.span, new) for one in meant]


def _defining(name: Mention, files: Sequence[Outlined]) -> list[Mention]:
    every = (definition for file in files for definition in file.definitions)
    return [one for one in every if (one.kind, one.name) == (name.kind, name.name)]


def _rename_rule(rule: Mention, new: str, files: Sequence[Outlined]) -> list[Edit]:
    policy, _, _ = rule.name.rpartition("/")
    new = new.removeprefix(f"{policy}/")
    _demand_name(new)
    definitions = [d for one in files for d in one.definitions if d.kind is Kind.RULE]
    names = {definition.name for definition in definitions}
    if rule.name not in names:
        raise RenameError(f"no file has a rule `{rule.name}`")
    if f"{policy}/{new}" in names - {rule.name}:
        raise RenameError(f"there is a rule `{policy}/{new}`")
    uses = [use for one in files for use in one.uses if use.kind is Kind.RULE]
    meant = (one for one in (*definitions, *uses) if one.name == rule.name)
    return [Edit(one.file, _of_id(one), new) for one in meant]


def _demand_name(new: str) -> None:
    if not re.search(IDENTIFIER, new):
        raise RenameError(f"{quoted(new)} is not {WANTED[IDENTIFIER]}")


def correction(finding: Finding, file: Outlined) -> Edit | None:
    """The edit that a finding suggests with "did you mean"; None: it suggests nothing."""
    suggested = _SUGGESTED.search(finding.message)
    if not suggested or not finding.line:
        return None
    wrong, right = suggested[1], suggested[3]
    for span, is_whole in _places_of(wrong, finding, file):
        return Edit(finding.file, span, scalar(right) if is_whole else right)
    return None


def _of_id(mention: Mention) -> Span:
    """Where a mention of a rule has its id: at its end."""
    line, _, end = mention.span
    return Span(line, end - len(mention.name.rpartition("/")[2]), end)


def _places_of(wrong: str, finding: Finding, file: Outlined) -> Iterator[tuple[Span, bool]]:
    """Where a word is that a finding is about, likeliest first, and whether it is all of a token.

    Findings point at a key, at its value, or at the rule that has it.
    """
    row, column = finding.line - 1, finding.column - 1
    after = [one for one in file.tokens if (one.span.line, one.span.start) >= (row, column)]
    for token in after[:1]:
        if token.text == wrong:
            yield token.span, True
    line = file.source.text.split("\n")[row] if row < file.source.text.count("\n") + 1 else ""
    for match in re.finditer(rf"(?<![\w-]){re.escape(wrong)}(?![\w-])", line):
        if match.start() >= column:
            yield Span(row, *match.span()), False
    inside = after[0].path[:2] if after else ()
    for token in after:
        if inside[:1] == ("rules",) and token.path[:2] != inside:
            return
        if token.text == wrong:
            yield token.span, True
        for _, name, span in used_at(file.kind, token):
            if name == wrong:
                yield span, False
