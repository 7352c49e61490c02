"""What people see of the results of MI methods."""

from typing import Any

import pytest

from dfks_rules.cli.tables import lines_of
from tests.helpers.mi import result
from tests.helpers.operations import MemoryOperations, subscription


def _shown(value: Any) -> str:
    return "\n".join(lines_of(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("OK", "OK"),
        (None, "-"),
        (7, "7"),
        ({}, ""),
        ([], ""),
        (["a:b", "c"], "a:b\nc"),
        ([["presentity"], ["presentity", "offset"], []], "presentity\npresentity, offset\n-"),
        ({"watchers": 1, "event": ""}, "watchers  1\nevent     -"),
        ({"subscriptions": []}, "subscriptions: none"),
        ({"last": {"of": {"a": {"b": 1}}}}, 'last  {"of": {"a": {"b": 1}}}'),
        ({"a": {"b": "x" * 40, "c": "y" * 40}}, f"a:\n  b  {'x' * 40}\n  c  {'y' * 40}"),
        ({"last": {"at": "x", "why": ["a", "b"]}}, "last:\n  at  x\n\n  why:\n    a\n    b"),
        ({"rows": [{"a": 1}, {"b": [2, 3]}]}, "rows:\n  a  b\n  1  -\n  -  2, 3"),
        ({"rows": [[{"a": 1}]]}, 'rows:\n  [{"a": 1}]'),
    ],
)  # fmt: skip
def test_every_json_value_has_lines(value: Any, text: str) -> None:
    """A method of tomorrow is shown without a change here."""
    assert _shown(value) == text


async def test_features_are_a_table_of_what_is_stored_told_and_why() -> None:
    """The first look when a lamp is wrong."""
    operations = MemoryOperations()
    features = await result(operations, "dfks:get_features", ["sip:alice@example.com"])
    lines = _shown(features).splitlines()
    assert lines[0] == "presentity  sip:alice@example.com"
    assert lines[2:5] == [
        "features:",
        "  feature                 stored    told      effect  matched",
        "  DoNotDisturb            status=0  status=0  allow   -",
    ]


def test_differences_of_a_shadow_are_a_table_that_fits_a_screen() -> None:
    """All facts of a request would make lines of 1,000 characters; `--json` has them."""
    facts = {"op": "set", "feature": "DoNotDisturb", "presentity": "sip:a@b.example", "user": "a"}
    active = {"decision": "allow", "status": 1, "reason": None, "log": []}
    shadow = {"decision": "deny", "status": 0, "reason": "no-dnd", "log": []}
    sample = {"given": facts, "active": active, "shadow": shadow}
    head, row = _shown({"samples": [sample]}).splitlines()[1:]
    assert head.split()[:5] == ["op", "feature", "presentity", "active.decision", "active.status"]
    assert row.split() == [
        "set",
        "DoNotDisturb",
        "sip:a@b.example",
        "allow",
        "1",
        "deny",
        "0",
        "no-dnd",
    ]


async def test_watchers_are_a_table() -> None:
    """One line for each phone."""
    operations = MemoryOperations()
    operations.rows = [subscription(1), subscription(22)]
    listing = await result(operations, "subs_phtable_list")
    head, first, second = _shown(listing).splitlines()[1:]
    assert head.split()[:3] == ["presentity", "watcher", "call_id"]
    assert first.index("call-1@") == second.index("call-22@") == head.index("call_id")


def test_decisions_are_a_line_each_and_explanations_are_text() -> None:
    """JSON has all of them."""
    record = {
        "id": "a-1",
        "at": "2026-01-05",
        "given": {"op": "set", "feature": "DoNotDisturb", "presentity": "sip:a@b", "time": "12:00"},
        "decision": {"decision": "deny", "reason": "no", "matched": ["p/r"], "by": {}},
    }
    assert _shown({"decisions": [record]}).splitlines()[2].split() == [
        *("a-1", "2026-01-05", "set", "DoNotDisturb", "sip:a@b", "deny", "no", "p/r")
    ]
    explained = {"decisions": [{"record": record, "explanation": None, "text": ["one", "  two"]}]}
    assert _shown(explained) == "decisions:\n  2026-01-05 a-1\n  one\n    two"


def test_text_of_peers_does_not_reach_the_terminal_as_commands() -> None:
    """A Contact with an escape sequence could retitle the window, or hide the lines above it."""
    assert _shown({"contact": "<sip:\x1b[2Ja@b>\n"}) == r"contact  <sip:\x1b[2Ja@b>\n"


def test_names_do_not_reach_the_terminal_as_commands_either() -> None:
    """Whoever answers at the address of a server chooses them."""
    for value in ({"a\x1b": 1}, {"a\x1b": [1]}, [{"a\x1b": 1}], [[{"a": 1}], {"a\x1b": 1}]):
        assert "\x1b" not in _shown(value)


@pytest.mark.parametrize(
    "entry", [{"text": ["x"]}, {"text": ["x"], "record": 7}, {"text": None}, {"text": "x"}]
)
def test_what_only_looks_like_an_explanation_is_shown(entry: object) -> None:
    """A server of another version, or none of ours."""
    assert _shown([entry])
