"""Tokens of a script."""

import pytest

from dfks_rules.policy.migrating.tokens import tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a # b\nc", [("word", "a", 1), ("word", "c", 2)]),
        ("/* x\n*/ y", [("word", "y", 2)]),
        (r'"a\"b\n\+"', [("text", 'a"b\n\\+', 1)]),
        (
            "$dfks(a/b)=1",
            [("variable", "$dfks(a/b)", 1), ("sign", "=", 1), ("number", "1", 1)],
        ),
        ("$(rU{s.len})", [("variable", "$(rU{s.len})", 1)]),
        ("$avp(i:1)[0]", [("variable", "$avp(i:1)[0]", 1)]),
        ("x!=y", [("word", "x", 1), ("sign", "!=", 1), ("word", "y", 1)]),
        ('"open', [("open", '"', 1)]),
        ("x\n/* open", [("word", "x", 1), ("open", "/*", 2)]),
        ("ü", [("sign", "ü", 1)]),
    ],
)
def test_text_is_cut_into_tokens(text: str, tokens: list[tuple[str, str, int]]) -> None:
    """With the lines on which they begin."""
    assert [tuple(token) for token in tokens_of(text)][:-1] == tokens
