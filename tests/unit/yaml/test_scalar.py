"""Values as YAML that every reader reads alike."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.yaml.scalar import flow, scalar


@pytest.mark.parametrize(
    "text", ["alice", "sip:bob@10.0.0.11", "Only watching is allowed", "10.0.0.7", "it's", "a-b"]
)
def test_text_that_all_read_as_text_needs_no_quotes(text: str) -> None:
    """Quotes are noise where they do nothing."""
    assert scalar(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("+4930123456", "0123", "12:30", "no", "On", "2026-12-25", "1e3", "0o17", "0x1f", "null"),
        *("~", "", " a", "a ", "a: b", "a #b", "{x}", "a, b", "*", "${user}", "- a", "=", "<<"),
        *("1_000", "nan", ".5", "true", "a\nb", "@x", "`x`", "%x", '"', "-", "?", ":"),
    ],
)
def test_text_that_some_read_as_something_else_is_quoted(text: str) -> None:
    """Editors and other tools read YAML 1.1 or 1.2, where these are numbers, dates, booleans."""
    assert scalar(text).startswith('"')
    assert yaml.safe_load(scalar(text)) == text


@settings(max_examples=500)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_is_read_back(text: str) -> None:
    """By our reader, in a block and in braces."""
    tree, findings = parse(Source("f", f"k: {scalar(text)}\nm: {flow({'a': [text], 'b': 1})}\n"))
    assert findings == []
    assert tree is not None
    assert tree.value == {"k": text, "m": {"a": [text], "b": 1}}


def test_numbers_and_booleans_are_bare() -> None:
    """As the language wants them."""
    assert flow({"a": 1, "b": True, "c": [False]}) == "{a: 1, b: true, c: [false]}"
