"""`dfks policy diff`."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.policy.decision_log import MAX_BROKEN, MAX_LINE
from dfks_rules.cli.policy.diff import command
from dfks_rules.model.features import NOTHING_STORED, Feature
from dfks_rules.model.identity import Aor
from dfks_rules.policy.facts.given import given_of, view_of
from dfks_rules.service.ports import Verdict
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.policy import source
from tests.helpers.states import forwarding
from tests.helpers.wanted import commit, wanted

STORED = "- {id: stored, when: {op: set}, then: {status: request}}"
BARRED = """
- id: barred
  when: {op: set, feature: CallForwardingAlways, request.forwardTo: {prefix: "+900"}}
  then: {deny: toll-fraud}
- {id: stored, when: {op: set}, then: {status: request}}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two versions of a policy: paths of the old and the new one."""
    paths = [tmp_path / "old.yaml", tmp_path / "new.yaml"]
    for path, rules in zip(paths, (STORED, BARRED), strict=True):
        path.write_text(source(rules).text)
    return [str(path) for path in paths]


def diff(*arguments: str) -> Result:
    """What the command prints and returns."""
    return CliRunner().invoke(command, arguments)


def test_a_difference_is_shown_with_facts_for_a_case(files: list[str]) -> None:
    """An author sees what would change, and can pin it down."""
    result = diff(*files, "--search")
    assert result.exit_code == 1
    assert (
        "set CallForwardingAlways: was allow status=1 (p/stored), "
        "becomes deny toll-fraud (p/barred)\n" in result.output
    )
    assert (
        "  given: {op: set, feature: CallForwardingAlways, request.status: 1, "
        'request.forwardTo: "+9000"}\n' in result.output
    )


def test_by_default_every_difference_is_proved_or_shown(files: list[str]) -> None:
    """What is left after the last one is proved to be as before."""
    result = diff(*files)
    assert result.exit_code == 1
    first, given, proved = result.output.splitlines()
    assert first.startswith("set CallForwardingAlways: was allow status=")
    assert first.endswith("becomes deny toll-fraud (p/barred)")
    assert 'request.forwardTo: "+900"' in given
    assert "all gets, all other sets, permission to subscribe are decided as before" in proved


def test_no_difference_is_told_with_how_many_requests_were_tried(files: list[str]) -> None:
    """Nobody shall take a search for a proof."""
    result = diff(files[0], files[0], "--search")
    assert result.exit_code == 0
    assert re.fullmatch(
        r"no difference found in \d+ witnesses; this does not prove that there is none\n",
        result.output,
    )


def test_json_has_the_same(files: list[str]) -> None:
    """For a pipeline that comments on a change."""
    result = json.loads(diff(*files, "--search", "--format", "json").output)
    group = result["groups"][0]
    assert result["different"] == sum(one["count"] for one in result["groups"])
    assert (group["op"], group["feature"]) == ("set", "CallForwardingAlways")
    assert (group["old"]["decision"], group["new"]["reason"]) == ("allow", "toll-fraud")


def test_a_log_is_replayed_and_broken_lines_are_told(files: list[str], tmp_path: Path) -> None:
    """What the change would have meant for last week's requests."""
    log = tmp_path / "decisions.jsonl"
    facts = {"op": "set", "feature": "CallForwardingAlways", "request.status": 1}
    lines = [
        json.dumps({"given": given_of(view_of({**facts, "request.forwardTo": target}))})
        for target in ("+49301", "+900123", "+900124")
    ]
    log.write_text("\n".join([lines[0], "cut off", "", *lines[1:]]) + "\n")
    result = diff(*files, "--replay", str(log))
    assert f"{log}:2: not JSON\n{log}: 1 line skipped\n" in result.output
    assert f"  2 of the recorded requests; one is {log}:4\n" in result.output
    assert "2 of 3 recorded requests are decided differently\n" in result.output


def test_a_line_without_end_is_cut(files: list[str], tmp_path: Path) -> None:
    """Memory is bounded whatever the file is; and not each of a million broken lines is told."""
    log = tmp_path / "decisions.jsonl"
    log.write_bytes(b"x" * (MAX_LINE * 2) + b"\n" + b"y\n" * 100)
    result = diff(*files, "--replay", str(log))
    assert result.exit_code == 0
    assert result.output.count("not JSON") == MAX_BROKEN
    assert "101 lines skipped" in result.output


async def _fill(path: Path) -> None:
    store = SqliteStore(path, asyncio.get_running_loop())
    for user, target in (("alice", "+900123"), ("bob", "+900123"), ("carol", "+49301")):
        state = forwarding(True, target)
        snapshot = NOTHING_STORED.replace(Feature.CALL_FORWARDING_ALWAYS, state)
        verdict, _, _ = await commit(
            store, wanted(Aor(user, "example.com"), NOTHING_STORED, snapshot)
        )
        assert verdict is Verdict.STORED
    store.close()


def test_what_is_stored_is_swept(files: list[str], tmp_path: Path) -> None:
    """A newly barred number stays stored; this says for whom."""
    path = tmp_path / "features.db"
    asyncio.run(_fill(path))
    result = diff(*files, "--sweep", f"sqlite:{path}", "--list")
    assert (
        "becomes deny toll-fraud (p/barred)\n"
        "  2 of the stored features that are on; one is sip:alice@example.com\n" in result.output
    )
    assert "  - sip:alice@example.com\n  - sip:bob@example.com\n" in result.output
    assert "2 of 3 stored features that are on are decided differently" in result.output


@pytest.mark.parametrize(
    "arguments", [("--sweep", "memory:"), ("--sweep", "sqlite:x", "--replay"), ("--list",)]
)
def test_wrong_usage_is_told(files: list[str], arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Exit code 2, as shells expect."""
    log = tmp_path / "log"
    log.touch()
    rest = [str(log)] if arguments[-1] == "--replay" else []
    assert diff(*files, *arguments, *rest).exit_code == 2
