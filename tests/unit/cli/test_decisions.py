"""`dfks decisions`."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import ALICE, CFA, ON
from tests.helpers.web_thread import Door, served
from tests.unit.web.api.test_decisions import keep, outcome


@pytest.fixture
def operations() -> MemoryOperations:
    """With four decisions."""
    made = MemoryOperations()
    keep(made)
    return made


@pytest.fixture
def door(operations: MemoryOperations) -> Iterator[Door]:
    """A running server."""
    with served(operations) as one:
        yield one


def _run(door: Door, *arguments: str) -> Result:
    result = CliRunner().invoke(dfks, ["decisions", "--url", door.url, *arguments])
    assert result.exit_code == 0, result.exception
    return result


def test_the_newest_is_last_and_a_refusal_says_why(door: Door) -> None:
    """A line for each."""
    head, *lines = _run(door).stdout.splitlines()
    assert head.split()[:3] == ["time", "presentity", "op"]
    assert [line.rpartition("-")[2] for line in lines] == ["1", "2", "3", "4"]
    assert re.search(
        r"sip:alice@example.com +set +DoNotDisturb on +watcher +sip:alice@example.com +"
        r"denied: late +night/no-dnd +5eed00-2$",
        lines[1],
    )


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (["alice@example.com"], [1, 2, 4]),
        (["sip:nobody@example.com"], []),
        (["--denied"], [2]),
        (["--rule", "p", "--op", "set"], [3]),
        (["--origin", "operator"], [3]),
        (["--limit", "2"], [3, 4]),
        (["--since", "2026-01-05T12:00:00+00:00"], [1, 2, 3, 4]),
        (["--since", "1s"], []),
    ],
)
def test_decisions_are_chosen(door: Door, arguments: list[str], numbers: list[int]) -> None:
    """For scripts, an object on each line."""
    told = map(json.loads, _run(door, "--json", *arguments).stdout.splitlines())
    assert [int(one["id"].partition("-")[2]) for one in told] == numbers


def test_that_there_is_none_is_told(door: Door) -> None:
    """Nothing at all looks like a mistake."""
    result = _run(door, "sip:nobody@example.com")
    assert (result.stdout, result.stderr) == (
        "",
        "no such decision; `decisions.keep` says how many the server keeps\n",
    )


def test_all_since_a_moment_are_shown_page_by_page(
    door: Door, operations: MemoryOperations
) -> None:
    """More than a page, and no more than the server keeps."""
    one = outcome(FeatureRequest(Operation.SET, ALICE, Requester(Origin.WATCHER, ALICE), CFA, ON))
    door.do(lambda: operations.decisions.keep(10, (one,) * 600))
    lines = _run(door, "--json", "--since", "2026-01-05T12:00:00+00:00").stdout.splitlines()
    assert len(lines) == 604


def test_it_goes_on_with_what_is_decided(door: Door, operations: MemoryOperations) -> None:
    """None is left out, and none is told twice."""
    code = "from dfks_rules.cli.main import main; main()"
    command = [sys.executable, "-c", code, "decisions", "--url", door.url]
    with subprocess.Popen(
        [*command, "--json", "--denied", "--follow"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == "5eed00-2"
        refused = operations.decisions.find("5eed00-2")
        assert refused is not None
        for number in (20, 21):
            door.do(partial(operations.decisions.keep, number, (refused,)))
            assert json.loads(process.stdout.readline())["id"] == f"5eed00-{number}"
        process.terminate()


def test_what_the_server_does_not_take_is_said(door: Door) -> None:
    """With its words."""
    result = CliRunner().invoke(dfks, ["decisions", "--url", door.url, "no presentity@"])
    assert result.exit_code != 0
    assert "This is not an address of record" in str(result.exception)
