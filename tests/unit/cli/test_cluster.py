"""`dfks cluster`."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.operations.cluster import NodeRow
from dfks_rules.web.client import ApiError
from tests.helpers.memory_cluster import ENDED, ORPHANED, THIS, MemoryCluster
from tests.helpers.operations import MemoryOperations
from tests.helpers.web_thread import Door, served


@pytest.fixture
def operations() -> MemoryOperations:
    """A server of a cluster."""
    return MemoryOperations()


@pytest.fixture
def door(operations: MemoryOperations) -> Iterator[Door]:
    """Its API."""
    with served(operations) as one:
        yield one


def _run(door: Door, *arguments: str) -> Result:
    return CliRunner().invoke(dfks, ["cluster", "--url", door.url, *arguments])


def _shown(operations: MemoryOperations, door: Door, *rows: NodeRow) -> list[str]:
    operations.cluster = MemoryCluster(*rows)
    result = _run(door)
    assert result.exit_code == 0, result.exception
    return result.stdout.splitlines()


def test_nodes_are_a_table(door: Door) -> None:
    """Those that live, and which of them was asked."""
    result = _run(door)
    assert result.exit_code == 0, result.exception
    head, this, other, *_ = result.stdout.splitlines()
    assert head.split() == [
        *("node", "state", "lease", "cohorts", "subscriptions", "lag", "clock", "policies")
    ]
    assert this.split() == [
        *("node-1*", "serving", "1.4", "s", "64", "12", "0", "+0.001", "s", "abc123")
    ]
    assert other.split()[:2] == ["node-2", "late"]


def test_what_an_operator_should_know_of_is_said(door: Door) -> None:
    """In words, below the table."""
    notes = [line for line in _run(door).stdout.splitlines() if line.startswith("!")]
    assert notes == [
        "! the lease of node-2 ended 1.5 s ago",
        "! the clock of node-2 is -2.5 s from the database's",
        "! nodes have different policies: abc123, def456",
    ]


def test_nodes_of_one_name_are_told(operations: MemoryOperations, door: Door) -> None:
    """What is meant for one of them is done by both; a life that was killed is no other node."""
    twin, killed = (
        THIS._replace(epoch=9, is_this=False, state=how) for how in ("draining", "late")
    )
    lines = _shown(operations, door, THIS, twin, killed)
    assert [one for one in lines if "named" in one] == ["! 2 living nodes are named node-1"]
    assert not [one for one in _shown(operations, door, THIS, killed) if "named" in one]


def test_nothing_is_said_where_all_is_well(operations: MemoryOperations, door: Door) -> None:
    """A life that has ended, and whose subscriptions others have, is no matter any more."""
    assert len(_shown(operations, door, ENDED, THIS)) == 2


def test_lives_that_left_nothing_behind_are_listed_without_a_note(door: Door) -> None:
    """With `--all`, whoever looks back is not alarmed."""
    lines = _run(door, "--all").stdout.splitlines()
    assert [one.split()[1] for one in lines if one.startswith("node-")] == [
        "dead",
        "serving",
        "late",
    ]
    assert not [one for one in lines if one.startswith("!") and "dead" in one]


def test_a_dead_node_whose_subscriptions_nobody_has_is_shown(
    operations: MemoryOperations, door: Door
) -> None:
    """Its phones are told of nothing."""
    lines = _shown(operations, door, ORPHANED, THIS)
    assert lines[1].split()[:3] == ["node-3", "dead", "-"]
    assert lines[-1] == "! node-3 is dead, and no node has taken over 9 cohorts of it yet"


def test_all_lives_are_listed_for_scripts(door: Door) -> None:
    """An object on each line."""
    result = _run(door, "--json", "--all")
    assert [json.loads(line)["epoch"] for line in result.stdout.splitlines()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "node-1 drains: 12 subscriptions go on until it stops\n"),
        (("node-2",), "node-2 drains: 7 subscriptions go on until it stops\n"),
    ],
)
def test_a_node_drains(door: Door, arguments: tuple[str, ...], told: str) -> None:
    """The one that is asked, or another."""
    result = _run(door, "drain", *arguments)
    assert (result.exit_code, result.stdout) == (0, told), result.exception


def test_a_node_that_is_not_there_is_an_error(door: Door) -> None:
    """A typing error must not look like success."""
    result = _run(door, "drain", "node-9")
    assert isinstance(result.exception, ApiError)
    assert "`node-9`" in str(result.exception)


def test_it_looks_again_and_again(door: Door) -> None:
    """While nodes are restarted one after the other."""
    command = [sys.executable, "-m", "dfks_rules", "cluster", "--url", door.url, "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline, heads = time.monotonic() + 30, 0
        while heads < 2:
            assert time.monotonic() < deadline
            heads += process.stdout.readline().startswith("node ")
        process.terminate()


def test_a_node_that_has_just_left_is_not_missed(operations: MemoryOperations, door: Door) -> None:
    """Others take over what it had within a second."""
    assert len(_shown(operations, door, ORPHANED._replace(lease=1.5), THIS)) == 2
