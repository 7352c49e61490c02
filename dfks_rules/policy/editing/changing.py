"""What an editor changes for an author: a rule's name everywhere, and what a finding suggests."""

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
    """A rule cannot be called so; the message says why."""


def renamable_at(file: Outlined, line: int, column: int) -> Mention | None:
    """The rule under the cursor, the span being that of its id alone; None: there is none."""
    mention = mention_at(file, line, column)
    if mention is None or mention.kind is not Kind.RULE or mention.name.endswith("/exception"):
        return None
    return mention._replace(span=_of_id(mention))


def rename(rule: Mention, new: str, files: Sequence[Outlined]) -> list[Edit]:
    """The edits that give a rule another id: where it is defined, and in cases, proofs, Exceptions.

    Args:
        rule: as `renamable_at` gives it.
        new: the new id, with or without the name of the policy.
        files: all files of the folder.

    Raises:
        RenameError: no rule can have this id, another one has it, or no file defines the rule.
    """
    policy, _, _ = rule.name.rpartition("/")
    new = new.removeprefix(f"{policy}/")
    if not re.search(IDENTIFIER, new):
        raise RenameError(f"{quoted(new)} is not {WANTED[IDENTIFIER]}")
    definitions = [d for one in files for d in one.definitions if d.kind is Kind.RULE]
    names = {definition.name for definition in definitions}
    if rule.name not in names:
        raise RenameError(f"no file has a rule `{rule.name}`")
    if f"{policy}/{new}" in names - {rule.name}:
        raise RenameError(f"there is a rule `{policy}/{new}`")
    uses = [use for one in files for use in one.uses if use.kind is Kind.RULE]
    meant = (one for one in (*definitions, *uses) if one.name == rule.name)
    return [Edit(one.file, _of_id(one), new) for one in meant]


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
