"""Variables: what stands where one was used, and what is said of wrong ones."""

from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.language.matchers import MATCHERS
from dfks_rules.policy.reading.schema_pieces import IDENTIFIER
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.reading.variables import MAX_INSERTED, substitute, variables_schema
from dfks_rules.yaml.tree import Path, Tree

VARS = 'vars: {vips: [alice, bob], night: "sip:night@acme.example", rings: 10, flag: true}\n'


def read(text: str) -> Tree:
    """The tree of a text."""
    tree, findings = parse(Source("f.yaml", dedent(text)))
    assert tree is not None, findings
    return tree


def value(use: str, variables: str = VARS) -> Any:
    """What stands at `rules` when everything that is said is that a variable is not used."""
    tree, findings = substitute(read(f"{variables}rules: {use}\n"))
    assert {finding.code for finding in findings} <= {"policy_unused_variable"}
    return tree.value["rules"]


def said(text: str) -> list[str]:
    """The findings as they are printed."""
    return [str(finding) for finding in substitute(read(text))[1]]


@pytest.mark.parametrize(
    ("use", "wanted"),
    [
        ("{user: {var: vips}}", {"user": ["alice", "bob"]}),
        ("{user: {in: {var: vips}}}", {"user": {"in": ["alice", "bob"]}}),
        ("{forwardTo: {var: night}}", {"forwardTo": "sip:night@acme.example"}),
        ("{ringCount: {var: rings}}", {"ringCount": 10}),
        ("{assigned: {var: flag}}", {"assigned": True}),
        ("[carol, {var: vips}, dave]", ["carol", "alice", "bob", "dave"]),
        ("[{var: rings}, 4]", [10, 4]),
        ("[{user: {var: vips}}]", [{"user": ["alice", "bob"]}]),
        (
            "{log: 'to ${vars.night} after ${vars.rings}: ${user}'}",
            {"log": "to sip:night@acme.example after 10: ${user}"},
        ),
        ("{log: '${vars.flag}'}", {"log": "true"}),
        ("{user: {var: vips, eq: x}}", {"user": {"var": "vips", "eq": "x"}}),
    ],
)
def test_value_stands_where_the_variable_was_used(use: str, wanted: Any) -> None:
    """As a whole, in a list, and in a text."""
    assert value(use) == wanted


def test_scope_uses_variables_too() -> None:
    """The customers of a file are named once."""
    tree, findings = substitute(read("vars: {us: acme.example}\nscope: {domain: {var: us}}\n"))
    assert (tree.value["scope"], findings) == ({"domain": "acme.example"}, [])


def test_other_parts_of_the_file_stay_as_they_are() -> None:
    """The name of a policy must not depend on a variable."""
    tree, _ = substitute(read("vars: {a: x}\nmetadata: {name: {var: a}}\n"))
    assert tree.value["metadata"] == {"name": {"var": "a"}}
    assert tree.finding(("metadata", "name", "var"), "c", "m").line == 2


def test_each_use_has_a_copy_of_its_own() -> None:
    """A change of one must not be one of the other."""
    rules = value("[{user: {var: vips}}, {user: {var: vips}}]")
    assert rules[0]["user"] is not rules[1]["user"]


def test_what_was_put_in_is_placed_where_the_variable_was_used() -> None:
    """A wrong type is reported at the rule, where the author has to think about it."""
    tree, _ = substitute(
        read("""
        vars: {vips: [alice, bob]}
        rules:
          - user: {var: vips}
          - user: [carol, {var: vips}, dave]
    """)
    )
    assert tree.finding(("rules", 0, "user", 1), "c", "m")[1:3] == (4, 11)
    assert tree.finding(("rules", 0, "user"), "c", "m", at_key=True)[1:3] == (4, 5)
    columns = [tree.places["rules", 1, "user", n].column for n in range(4)]
    assert columns == [12, 19, 19, 32]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "vars: {vips: [a]}\nrules: [{user: {var: visp}}, {user: {var: vips}}]\n",
            "f.yaml:2:22: unknown variable `visp` (did you mean `vips`?) [policy_unknown_variable]",
        ),
        (
            "rules: [{user: {var: vips}}]\n",
            "f.yaml:1:22: unknown variable `vips` [policy_unknown_variable]",
        ),
        (
            "rules: [{log: 'x ${vars.vips}'}]\n",
            "f.yaml:1:15: unknown variable `vips` [policy_unknown_variable]",
        ),
        (
            "vars: {vips: [a]}\nrules: [{log: '${vars.vips}'}]\n",
            "f.yaml:2:15: variable `vips` is a list; a text takes a single value [policy_variable]",
        ),
        (
            "vars: {vips: [a]}\nrules: []\n",
            "f.yaml:1:8: warning: variable `vips` is never used [policy_unused_variable]",
        ),
        (
            "vars: {a: 1, b: {var: a}}\nrules: [{n: {var: b}}]\n",
            "f.yaml:1:17: variable `b` refers to a variable; only the scope and the rules may "
            "[policy_variable]",
        ),
        (
            "vars: {b: ['x${vars.a}']}\nrules: [{n: {var: b}}]\n",
            "f.yaml:1:11: variable `b` refers to a variable; only the scope and the rules may "
            "[policy_variable]",
        ),
        (
            "vars: {b: {eq: 1}}\nrules: [{n: {var: b}}]\n",
            "f.yaml:1:11: variable `b` must be text, a whole number, `true`, `false`, or a list of "
            "these [policy_variable]",
        ),
        (
            "vars: {b: []}\nrules: [{n: {var: b}}]\n",
            "f.yaml:1:11: variable `b` must have 1 to 500 entries, not 0 [policy_variable]",
        ),
        (
            f"vars: {{b: {'x' * 513}}}\nrules: [{{n: {{var: b}}}}]\n",
            "f.yaml:1:11: variable `b` has 513 characters; at most 512 [policy_variable]",
        ),
    ],
)
def test_wrong_variable_is_reported_where_it_has_to_be_mended(text: str, wanted: str) -> None:
    """One finding, in plain words."""
    assert said(text) == [wanted]


@pytest.mark.parametrize(
    "rules",
    [
        "[" + "{user: {var: a}}, " * 42 + "]",
        "[[" + "{var: a}, " * 42 + "]]",
        "[{log: '" + "${vars.b}" * (MAX_INSERTED + 2) + "'}]",
    ],
    ids=["lists", "entries", "texts"],
)
def test_short_file_cannot_become_a_huge_one(rules: str) -> None:
    """Variables must not do what aliases are refused for."""
    tree = read(f"vars: {{a: [{','.join('x' * 500)}], b: x}}\nrules: {rules}\n")
    result, findings = substitute(tree)
    assert [one.code for one in findings if one.severity == "error"] == ["policy_limit"]
    assert len(result.places) < len(tree.places) + MAX_INSERTED + 1000


@pytest.mark.parametrize("text", ["[1]", "vars: [a]", "vars: x\nrules: [{user: {var: x}}]"])
def test_file_of_another_form_is_left_to_the_schema(text: str) -> None:
    """It says what a file looks like."""
    tree = read(text)
    assert substitute(tree) == (tree, [])


def test_no_fact_and_no_matcher_is_called_var() -> None:
    """`{var: x}` can mean one thing only."""
    assert "var" not in FACTS
    assert "var" not in MATCHERS


@pytest.mark.parametrize(
    ("block", "valid"),
    [
        ({"vips": ["alice", 1, True], "night": "sip:x", "max-rings": 10, "f": False}, True),
        ({"Vips": "a"}, False),
        ({"a": {"b": 1}}, False),
        ({"a": [["b"]]}, False),
        ({"a": []}, False),
    ],
)
def test_schema_allows_scalars_and_lists_of_them(block: dict[str, Any], valid: bool) -> None:
    """What an editor accepts is what can be used."""
    schema = variables_schema(IDENTIFIER)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(block) is valid


_SCALARS = st.sampled_from(["a", "b", 1, True, "${vars.x}", "${vars.y}", "${user}"])
_USES = st.sampled_from(["x", "y", "z"]).map(lambda name: {"var": name})
_TREES = st.recursive(
    _SCALARS | _USES,
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.dictionaries(st.sampled_from(["k", "l", "var"]), parts, max_size=3)
    ),
    max_leaves=20,
)


def _all_paths(part: Any, path: Path = ()) -> list[Path]:
    entries = (
        part.items()
        if isinstance(part, dict)
        else enumerate(part)
        if isinstance(part, list)
        else []
    )
    return [path, *(deep for key, one in entries for deep in _all_paths(one, (*path, key)))]


@given(_TREES)
def test_every_value_of_the_new_tree_has_a_place(rules: Any) -> None:
    """The schema and the reader ask for the place of whatever they find wrong."""
    value = {"vars": {"x": ["p", "q"], "y": 7}, "rules": rules}
    place = read("a: b").places[()]
    old = Tree("f.yaml", value, dict.fromkeys(_all_paths(value), place), {})
    new, _ = substitute(old)
    assert set(_all_paths(new.value)) <= set(new.places)
