"""Reading keys and values with their places, whatever state the file is in."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.policy.editing.outline import Role, Span, outline, token_at, value_at
from dfks_rules.yaml.tree import read_tree

_ROOT = Path(__file__).parents[4]


def _texts() -> list[str]:
    """All YAML of examples and documentation that the strict reader takes."""
    texts = [one.read_text("utf-8") for one in sorted(_ROOT.glob("policies/**/*.yaml"))]
    for page in sorted(_ROOT.glob("docs/**/*.md")):
        texts += re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return texts


def test_keys_and_values_of_valid_files_are_where_the_strict_reader_has_them() -> None:
    """All examples and all YAML of the documentation."""
    compared = 0
    for text in _texts():
        tree, _ = read_tree("f", text, "policy")
        if tree is None:
            continue
        compared += 1
        tokens = outline(text)
        places = {
            is_key: {
                one.path: (one.span.line + 1, one.span.start + 1)
                for one in tokens
                if (one.role is Role.KEY) is is_key
            }
            for is_key in (True, False)
        }
        scalars = {
            path: tuple(place)
            for path, place in tree.places.items()
            if not isinstance(tree.at(path), dict | list)
        }
        assert places[True] == {path: tuple(place) for path, place in tree.keys.items()}
        assert places[False] == scalars
    assert compared > 100


@pytest.mark.parametrize(
    ("text", "path", "word"),
    [
        ("rules:\n  - id: a\n    wh", ("rules", 0), "wh"),
        ("rules:\n  - id: a\n    when:\n      us", ("rules", 0, "when"), "us"),
        ("rules:\n  - id: a\n    when: {op: set, us", ("rules", 0, "when"), "us"),
        ("rules:\n- id: a\n- i", ("rules", 1), "i"),
        ("a: {b: [x, {c: y, d", ("a", "b", 1), "d"),
        ('a: "open\nb: {c', ("b",), "c"),
    ],
)
def test_a_word_that_may_become_a_key_is_in_the_mapping_that_it_is_typed_into(
    text: str, path: tuple[str | int, ...], word: str
) -> None:
    """Though the file is no YAML yet."""
    last = outline(text)[-1]
    assert (last.path, last.role, last.text) == (path, Role.WORD, word)


def test_brackets_that_are_not_closed_end_where_the_next_key_of_the_file_begins() -> None:
    """What follows keeps its paths."""
    tokens = outline("rules:\n  - when: {op: set,\n    then: {deny: no}\n  - id: b\n")
    assert value_at(tokens, ("rules", 0, "then", "deny")) == "no"
    assert value_at(tokens, ("rules", 1, "id")) == "b"


def test_further_lines_of_a_text_are_no_keys() -> None:
    """Blocks, folded plain text and quotes over several lines."""
    text = "a: |\n  b: 1\nc: some\n  more\nd: 'x\n  e: f'\ng: h\n"
    assert [one.path for one in outline(text) if one.role is Role.KEY] == [
        ("a",),
        ("c",),
        ("d",),
        ("g",),
    ]


def test_the_token_of_a_cursor_is_the_one_that_it_is_in_or_behind() -> None:
    """Quotes are part of it; a comment is part of nothing."""
    tokens = outline('a: "b" # c\n')
    assert token_at(tokens, 0, 0) == tokens[0]
    assert token_at(tokens, 0, 6) == tokens[1]
    assert tokens[1].span == Span(0, 3, 6)
    assert token_at(tokens, 0, 9) is None


@given(st.text("ab:-{}[],\"'|># \n\t\r", max_size=60))
def test_any_text_is_read_to_its_end(text: str) -> None:
    """Nothing that is typed is an error, and every token is where it says."""
    lines = text.split("\n")
    for one in outline(text):
        assert 0 <= one.span.start < one.span.end <= len(lines[one.span.line])


def test_brackets_in_brackets_without_end_do_no_harm() -> None:
    """A key of brackets, held down."""
    assert outline("a: " + "[" * 5_000 + "\nb: c\n")[-1].path == ("b",)


@pytest.mark.parametrize("text", ["a: b" + " " * 99_999 + "c", "a" + " " * 99_999 + "b", "{a\r: b"])
@pytest.mark.timeout(10)
def test_the_time_that_a_long_line_takes_grows_with_its_length(text: str) -> None:
    """And not with the square of it; a lone carriage return is a character like others."""
    assert outline(text)
