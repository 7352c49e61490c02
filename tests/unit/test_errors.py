"""The words for failure: every code means something at every door at which it can arrive."""

import ast
from pathlib import Path

from dfks_rules.errors import DfksError, Finding, FindingsError
from dfks_rules.mi.errors import MESSAGES
from dfks_rules.presence.responses import _STATUS_OF
from dfks_rules.web.problem import _OF_CODE

_ROOT = Path(__file__).parents[2] / "dfks_rules"
_MALFORMED = ("sip_", "csta_")
"""Of what a peer sent: 400, a bad parameter, or what the tables say."""
_AT_EVERY_DOOR = {"store_unavailable", "store_not_known", "store_fenced", "store_conflict"}
_OF_SIP = {"store_moved"}
"""Of SUBSCRIBEs alone."""
_OF_OPERATORS = {
    "store_changed",
    "store_newer_version",
    "store_no_journal",
    "webhooks_elsewhere",
    "store_not_shared",
    "store_not_a_database",
    "store_older_version",
    "policy_invalid",
    "policy_no_revision",
    "policy_canary",
    "policy_goal",
    "policy_goal_moved",
    "policy_no_goal",
    "policy_no_node",
    "policy_closed",
    "policy_engine",
    "facts_invalid",
    "worker_busy",
    "worker_gave_up",
    "config_invalid",
}
_AT_NO_DOOR = {
    # What keeps a server from starting.
    "hand_over_failed",
    "store_in_use",
    "store_needs_asyncpg",
    "store_unknown_url",
    "store_unsuitable",
    # Of commands that need no server, or ask one.
    "api_failed",
    "mi_bad_reply",
    "mi_bad_url",
    "mi_unreachable",
    "store_backup_exists",
    "store_not_empty",
    "store_unsound",
    # Of bridges, which have no door.
    "bridge_memory",
    "bridge_no_psycopg",
    "server_away",
    "switch_lost",
    "switch_refused",
    # Never leaves `service`: what was repeated is answered again.
    "store_repeated",
}


def _codes() -> set[str]:
    """Every code that some error is made with, but for those that end a command."""
    found: set[str] = set()
    for source in _ROOT.rglob("*.py"):
        if source.is_relative_to(_ROOT / "cli"):
            continue
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and _is_error(node.func):
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return {code for code in found if code.replace("_", "").isalnum() and "_" in code}


def _is_error(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id.endswith("Error")
    return isinstance(called, ast.Attribute) and called.attr == "__init__"


def test_every_code_is_at_home_in_the_tables_of_all_doors_that_meet_it() -> None:
    """A new code is put where it belongs before somebody is told `500`."""
    codes = {code for code in _codes() if not code.startswith(_MALFORMED)}
    assert codes == _AT_EVERY_DOOR | _OF_SIP | _OF_OPERATORS | _AT_NO_DOOR
    for table in (MESSAGES, _OF_CODE):
        assert not (_AT_EVERY_DOOR | _OF_OPERATORS) - set(table)
        assert not _AT_NO_DOOR & set(table)
    assert not (_AT_EVERY_DOOR | _OF_SIP) - set(_STATUS_OF)
    assert all(code in _codes() for code in _STATUS_OF)


def test_findings_are_sorted_and_only_so_many_are_told() -> None:
    """A column that is wrong is wrong in every line."""
    findings = [Finding("a.csv", line, 1, "wrong", "is wrong") for line in range(600, 0, -1)]
    error = FindingsError("config_invalid", findings)
    assert isinstance(error, DfksError)
    assert [one.line for one in error.findings[:2]] == [1, 2]
    assert error.message.endswith("and 100 more")
    assert str(findings[-1]) == "a.csv:1:1: is wrong [wrong]"
