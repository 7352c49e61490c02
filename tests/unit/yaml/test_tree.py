"""The strict YAML reader: what is read as what, where it stands, and what is refused."""

from typing import get_args

import pytest

from dfks_rules.errors import Finding
from dfks_rules.yaml.tree import MAX_BYTES, MAX_DEPTH, Flaw, Place, Tree, read_tree, veiled


def read(text: str) -> Tree:
    """The tree of a text that has nothing wrong with it."""
    tree, findings = read_tree("f.yaml", text, "policy")
    assert findings == []
    assert tree is not None
    return tree


def refused(text: str) -> list[Finding]:
    """What is wrong with a text."""
    tree, findings = read_tree("f.yaml", text, "policy")
    assert tree is None
    return findings


@pytest.mark.parametrize(
    "text",
    [
        *("+4930123456", "007", "0123", "12:30", "1:20:30", "2026-12-25", "9" * 19),
        *("1.5", "1e3", "0x1f", "1_000", "-0", "+1", ".inf"),
        *("yes", "on", "No", "True", "<<", "="),
    ],
)
def test_plain_scalars_that_look_like_text_are_text(text: str) -> None:
    """YAML 1.1 would make numbers, booleans and dates of what telephony writes."""
    assert read(f"a: {text}").value == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("7", 7), ("-3", -3), ("9" * 18, 10**18 - 1), ("true", True), ("false", False)],
)
def test_only_decimal_integers_and_two_booleans_are_not_text(text: str, value: object) -> None:
    """Status, ring count and flags need no quotes."""
    read_value = read(f"a: {text}").value["a"]
    assert (read_value, type(read_value)) == (value, type(value))


@pytest.mark.parametrize("text", ['"1"', "'true'", '""', "'~'", "|-\n  null"])
def test_quoted_scalars_and_blocks_are_text(text: str) -> None:
    """Quotes are how an author says text."""
    assert isinstance(read(f"a: {text}").value["a"], str)


def test_every_value_and_key_has_its_place() -> None:
    """Findings name line and column, in characters."""
    tree = read('a:\n  - b: "é"\n    ç: 2\n')
    assert tree.value == {"a": [{"b": "é", "ç": 2}]}
    assert tree.places["a", 0, "b"] == Place(2, 8)
    assert tree.places["a", 0, "ç"] == Place(3, 8)
    assert tree.keys["a", 0, "ç"] == Place(3, 5)


def test_keys_are_text_even_when_they_look_like_numbers() -> None:
    """JSON Schema knows text keys only."""
    assert read("1: a").value == {"1": "a"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: &x 1", 1, 4, "anchor `&x`; anchors are not allowed"),
        ("a: *x", 1, 4, "alias `*x`; aliases are not allowed"),
        ("*x : 1", 1, 1, "alias `*x`; aliases are not allowed"),
        ("a: !!str 1", 1, 4, "tag `tag:yaml.org,2002:str`; tags are not allowed"),
        ("a: !x {}", 1, 4, "tag `!x`; tags are not allowed"),
        ("? [a]\n: b", 1, 3, "a key must be plain text"),
        ("a: 1\n---\nb: 2", 3, 1, "a second document starts here; a file must contain only one"),
        ("", 1, 1, "file is empty"),
        ("# nothing", 1, 1, "file is empty"),
        ("a:\n\tb: 1", 2, 1, "line is indented with a tab; indent with spaces"),
        ("a: 1\nb: \x07", 2, 4, "file contains a control character, which YAML does not allow"),
        ("a: \ud800", 1, 1, "file is not UTF-8 text"),
    ],
)
def test_constructs_that_policies_do_not_use_are_refused(
    text: str, line: int, column: int, message: str
) -> None:
    """Each is a way to say something other than what a reader sees."""
    assert refused(text) == [Finding("f.yaml", line, column, "policy_yaml", message)]


def test_broken_yaml_is_refused_where_it_breaks() -> None:
    """The parser's own words, with the place."""
    (finding,) = refused("a: [1, 2\nb: 3")
    assert (finding.line, finding.code) == (2, "policy_yaml")
    assert finding.message.startswith("invalid YAML: ")


@pytest.mark.parametrize("null", ["", " ~", " null", " Null", " NULL"])
def test_empty_values_are_refused_at_their_key(null: str) -> None:
    """`rules:` with nothing below is a file that was not finished."""
    assert refused(f"x: 1\na:{null}") == [Finding("f.yaml", 2, 1, "policy_null", "`a` is empty")]


def test_an_empty_entry_of_a_list_is_refused() -> None:
    """A list of nothing is no list."""
    assert refused("a:\n  -\n")[0].message == "entry is empty"


def test_duplicate_keys_are_all_refused() -> None:
    """PyYAML lets the last one win, silently; all of them are told at once."""
    found = [(one.line, one.code) for one in refused("a: 1\nb: {c: 1, c: 2}\na: 2\n")]
    assert found == [(2, "policy_duplicate_key"), (3, "policy_duplicate_key")]


def test_files_are_bounded_in_bytes() -> None:
    """Bytes, not characters."""
    head = "a: "
    assert read(head + "x" * (MAX_BYTES - len(head)))
    for text in ("x" * (MAX_BYTES - len(head) + 1), "é" * (MAX_BYTES // 2)):
        assert refused(head + text)[0].code == "policy_limit"


def test_files_are_bounded_in_depth() -> None:
    """Deep nesting must give a finding, not exhaust the stack."""
    assert read("[" * MAX_DEPTH + "a" + "]" * MAX_DEPTH)
    (finding,) = refused("[" * (MAX_DEPTH + 1) + "a" + "]" * (MAX_DEPTH + 1))
    assert (finding.code, finding.column) == ("policy_limit", MAX_DEPTH + 2)
    # Newer YAML libraries refuse this much by themselves, before our limit is looked at.
    (finding,) = refused("[" * 100_000 + "a" + "]" * 100_000)
    assert finding.code in ("policy_limit", "policy_yaml")


def test_findings_can_be_about_a_key_or_its_value() -> None:
    """An unknown key is marked where it stands, a wrong value where that stands."""
    tree = read("abc: 1")
    assert tree.finding(("abc",), "c", "m") == Finding("f.yaml", 1, 6, "c", "m")
    assert tree.finding(("abc",), "c", "m", at_key=True) == Finding("f.yaml", 1, 1, "c", "m")
    assert tree.finding((), "c", "m", at_key=True) == Finding("f.yaml", 1, 1, "c", "m")


def test_every_flaw_has_the_code_of_the_room_that_reads() -> None:
    """What is said of dfks.yaml is told apart from what is said of policies."""
    texts = ["a: [", "x" * (MAX_BYTES + 1), "a:", "a: 1\na: 2"]
    codes = [read_tree("f.yaml", text, "config")[1][0].code for text in texts]
    assert codes == [f"config_{flaw}" for flaw in get_args(Flaw)]


def test_of_a_file_of_secrets_only_known_keys_are_shown() -> None:
    """What else stands in backticks may be a secret."""
    found = refused("a:\nb`c`:\n")
    assert [one.message for one in veiled(found, ["a"])] == ["`a` is empty", "`…` is empty"]
