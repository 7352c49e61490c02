"""Places, findings and completions as the language server protocol has them.

Reference: Language Server Protocol 3.17. Columns there count UTF-16 code units, unless client and
server agree on other ones; ours count characters.
"""

from collections.abc import Sequence

from lsprotocol import types
from pygls.workspace import PositionCodec

from dfks_rules.cli.policy.reports import PAGE
from dfks_rules.errors import Finding
from dfks_rules.policy.editing.completion import Completion, What
from dfks_rules.policy.editing.names import Outlined
from dfks_rules.policy.editing.outline import Span, token_at

_ICONS = {
    What.KEY: types.CompletionItemKind.Property,
    What.FACT: types.CompletionItemKind.Field,
    What.CONSTANT: types.CompletionItemKind.EnumMember,
    What.NAME: types.CompletionItemKind.Reference,
}
_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
}


def place_of(lines: Sequence[str], codec: PositionCodec, at: types.Position) -> tuple[int, int]:
    """(Line, column) of a client's position, both 0-based, in characters."""
    # The codec wants line ends, and changes what it is given.
    found = codec.position_from_client_units(
        [f"{line}\n" for line in lines[: at.line + 1]], types.Position(at.line, at.character)
    )
    return found.line, found.character


def range_of(lines: Sequence[str], codec: PositionCodec, span: Span) -> types.Range:
    """A span for the client."""
    start, end = (
        codec.position_to_client_units(lines, types.Position(span.line, column))
        for column in span[1:]
    )
    return types.Range(start, end)


def diagnostic(finding: Finding, file: Outlined, codec: PositionCodec) -> types.Diagnostic:
    """A finding, at the key or value that it is about, or else to the end of the line."""
    lines = file.source.text.split("\n")
    row = min(max(finding.line - 1, 0), len(lines) - 1)
    column = max(finding.column - 1, 0)
    token = token_at(file.tokens, row, column)
    is_there = token is not None and token.span.start == column
    span = token.span if token and is_there else Span(row, column, len(lines[row].rstrip()))
    return types.Diagnostic(
        range=range_of(lines, codec, span),
        message=finding.message,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(f"{PAGE}#{finding.code}"),
        source="dfks",
    )


def completion_item(
    one: Completion, position: int, lines: Sequence[str], codec: PositionCodec
) -> types.CompletionItem:
    """A completion; `position` keeps the order of the language."""
    return types.CompletionItem(
        label=one.label,
        kind=_ICONS[one.what],
        documentation=one.description or None,
        sort_text=f"{position:04}",
        filter_text=one.label,
        text_edit=types.TextEdit(range_of(lines, codec, one.span), one.insert),
    )
