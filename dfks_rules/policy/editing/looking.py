"""What stands under the cursor: a description of it, and where it is defined."""

from collections.abc import Sequence

from dfks_rules.model.requests import Operation
from dfks_rules.policy.editing.grammar import description_at
from dfks_rules.policy.editing.names import (
    NAMING_FACTS,
    Kind,
    Mention,
    Outlined,
    definitions_of,
    used_at,
)
from dfks_rules.policy.editing.outline import Role, Token, token_at
from dfks_rules.policy.facts.fact import Fact
from dfks_rules.policy.facts.fact import Kind as FactKind
from dfks_rules.policy.facts.facts import fact_named
from dfks_rules.policy.language.matchers import MATCHERS


def mention_at(file: Outlined, line: int, column: int) -> Mention | None:
    """The name under the cursor, used or defined; None: there is none."""
    for one in (*file.definitions, *file.uses):
        if one.span.line == line and one.span.start <= column <= one.span.end:
            return one
    return None


def definitions_at(
    file: Outlined, line: int, column: int, files: Sequence[Outlined]
) -> list[Mention]:
    """Where the name under the cursor is defined; empty: it is no name, or nobody defines it.

    Args:
        file: the file that the cursor is in.
        line: 0-based.
        column: 0-based, in characters.
        files: all files of its folder, this one among them.
    """
    mention = mention_at(file, line, column)
    return definitions_of(mention, files) if mention else []


def hover(
    file: Outlined, line: int, column: int, files: Sequence[Outlined]
) -> tuple[str, Token] | None:
    """A description of what is under the cursor, in Markdown, and the token that it is about.

    Args:
        file: the file that the cursor is in.
        line: 0-based.
        column: 0-based, in characters.
        files: all files of its folder, this one among them.
    """
    token = token_at(file.tokens, line, column)
    if token is None:
        return None
    text = _of_language(file.kind, token) or _of_name(file, token, column, files)
    return (text, token) if text else None


def _of_name(file: Outlined, token: Token, column: int, files: Sequence[Outlined]) -> str:
    for of, name, span in used_at(file.kind, token):
        if span.start <= column <= span.end:
            if of is Kind.FACT and (fact := fact_named(name)):
                return _of_fact(fact)
            use = Mention(of, name, file.source.file, span)
            for found in definitions_of(use, files):
                where = f"{found.file}:{found.span.line + 1}"
                note = f"\n\n{found.note}" if found.note else ""
                return f"{of.value} `{name}`{note}\n\nDefined in `{where}`."
    return ""


def _of_language(kind: str, token: Token) -> str:
    is_key = token.role is not Role.VALUE
    path = (*token.path, token.text) if token.role is Role.WORD else token.path
    described = description_at(kind, path)
    if not is_key:
        fact = fact_named(token.text) if path[-1:] and path[-1] in NAMING_FACTS else None
        return _of_fact(fact) if fact else ""
    fact = fact_named(token.text)
    if fact and described == fact.description:
        return _of_fact(fact)
    matcher = MATCHERS.get(token.text)
    if matcher and described == matcher.description:
        return f"matcher `{matcher.name}`: {matcher.operand.value}\n\n{described}"
    return f"`{token.text}`\n\n{described}" if described else ""


def _of_fact(fact: Fact) -> str:
    """As `facts.md` has it: type, words, operations, matchers."""
    operations = ", ".join(f"`{one.value}`" for one in Operation if one in fact.operations)
    takes = ", ".join(f"`{one.name}`" for one in MATCHERS.values() if fact.kind in one.kinds)
    words = f"\n\nOne of {', '.join(f'`{word}`' for word in fact.words)}."
    return (
        f"fact `{fact.name}`: {fact.kind.value}\n\n{fact.description}"
        f"{words if fact.kind is FactKind.WORD else ''}"
        f"\n\nThere for {operations}. Takes {takes}."
    )
