"""Histories of three nodes with faults, one from each seed; nothing that must hold is ever broken.

Reference: docs/decisions/0025-simulation.md
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from random import SystemRandom

import pytest

from tests.simulation.cluster import Cluster

SEEDS = (*range(1, 13), 24)
"""Those of `make test`; the few of them that wait long after it is quiet are for `make test-long`.
The last one has faults that the others are too short for.
"""
SECONDS = float(os.environ.get("DFKS_TEST_SIMULATION_SECONDS", "60"))
"""How long `make test-long` plays."""
FIRST = os.environ.get("DFKS_TEST_SIMULATION_SEED")
"""Where it begins; at random where that is not said."""
FAULTS = frozenset(
    {
        "answers_lost",
        "calls_frozen",
        "calls_stalled",
        "calls_unsent",
        "datagrams_doubled",
        "datagrams_late",
        "datagrams_lost",
        "kills",
        "outages",
        "pauses",
        "questions_lost",
        "splits",
        "stops",
    }
)
"""What strikes, as `World.counts` names it."""
_ROOT = Path(__file__).parents[2]


def play(seed: int) -> Cluster:
    """Play a history, in which nothing must be wrong."""
    game = Cluster(seed)
    game.play()
    violations = game.violations()
    text = "\n".join(map(str, violations[:10]))
    assert not violations, f"python -m tests.simulation --nodes 3 {seed}\n{game.plan}\n{text}"
    return game


def test_nothing_is_lost_whatever_happens_to_three_nodes() -> None:
    """The same few histories each time; every fault strikes, else they prove nothing."""
    counts: dict[str, int] = {}
    for seed in SEEDS:
        if Cluster(seed).plan.is_quick:
            for name, times in play(seed).world.counts.items():
                counts[name] = counts.get(name, 0) + times
    assert FAULTS - counts.keys() == set()
    for name in (
        "nodes_buried",
        "dialogs_claimed",
        "dialogs_adopted",
        "dialogs_kept_elsewhere",
        "commits_moved",
        "roams",
    ):
        assert counts[name] > 10
    assert counts["answers_200"] > 2 * counts["answers_503"]


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 120)
def test_nothing_is_lost_in_histories_of_three_nodes_that_nobody_has_seen() -> None:
    """The message of a failure says how to see it again."""
    first = int(FIRST) if FIRST else SystemRandom().randrange(10**9)
    print(f"DFKS_TEST_SIMULATION_SEED={first}")
    ends, seed = time.monotonic() + SECONDS, first
    while time.monotonic() < ends:
        play(seed)
        seed += 1
    print(f"{seed - first} histories in {SECONDS:.0f} s")


def test_a_seed_gives_the_same_history_of_three_nodes_in_every_process() -> None:
    """Also where texts have other hashes, so that sets have another order."""
    command = [sys.executable, "-m", "tests.simulation", "--nodes", "3", "9"]
    told = {
        subprocess.run(
            command,
            cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": number},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.splitlines()[0]
        for number in ("1", "2")
    }
    assert len(told) == 1
    assert told.pop().startswith("seed 9: ")
