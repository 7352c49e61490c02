"""Places, findings and completions for the client."""

import pytest

pytest.importorskip("pygls", reason="the language server needs the extra `lsp`")

from lsprotocol import types
from pygls.workspace import PositionCodec

from dfks_rules.cli.policy.lsp.shapes import completion_item, diagnostic, place_of, range_of
from dfks_rules.errors import Finding
from dfks_rules.policy.editing.completion import Completion, What
from dfks_rules.policy.editing.names import outlined
from dfks_rules.policy.editing.outline import Span
from dfks_rules.policy.reading.source import Source

UTF_16 = PositionCodec(types.PositionEncodingKind.Utf16)
LINES = ["a: b", "log: 😀 ${user}"]


@pytest.mark.parametrize("column", range(len(LINES[1]) + 1))
def test_columns_are_counted_as_the_client_counts_them(column: int) -> None:
    """There and back, before and behind what takes two units of UTF-16."""
    there = range_of(LINES, UTF_16, Span(1, column, column)).start
    assert there.character == column + (column > 5)
    assert place_of(LINES, UTF_16, there) == (1, column)


def test_a_finding_marks_the_word_that_it_is_about_or_the_rest_of_the_line() -> None:
    """And links to its section of the reference."""
    file = outlined(Source("p.yaml", "a: word # x\nb\n"))
    one = diagnostic(Finding("p.yaml", 1, 4, "policy_value", "m", "warning"), file, UTF_16)
    assert (one.range.start.character, one.range.end.character) == (3, 7)
    assert one.severity is types.DiagnosticSeverity.Warning
    assert one.code_description is not None
    assert one.code_description.href.endswith("/findings.md#policy_value")
    rest = diagnostic(Finding("p.yaml", 1, 2, "policy_yaml", "m"), file, UTF_16)
    assert (rest.range.start.character, rest.range.end.character) == (1, 11)


@pytest.mark.parametrize("line", [0, 99])
def test_a_finding_about_no_line_is_shown_on_one_that_exists(line: int) -> None:
    """The file as a whole, or a text that is shorter by now."""
    file = outlined(Source("p.yaml", "a: b\n"))
    one = diagnostic(Finding("p.yaml", line, 0, "policy_unreadable", "m"), file, UTF_16)
    assert one.range.start.line in (0, 1)


def test_completions_keep_the_order_of_the_language() -> None:
    """Editors sort by a text, and replace the word that is there."""
    span = Span(0, 0, 1)
    items = [
        completion_item(Completion(name, What.KEY, f"{name}: ", span, "Why."), n, LINES, UTF_16)
        for n, name in enumerate(["when", "unless"])
    ]
    assert sorted(items, key=lambda one: one.sort_text or "") == items
    edit = items[0].text_edit
    assert isinstance(edit, types.TextEdit)
    assert (edit.new_text, edit.range.end.character) == ("when: ", 1)
