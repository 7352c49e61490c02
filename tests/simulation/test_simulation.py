"""Histories with faults, one from each seed; nothing that must hold is ever broken.

Reference: docs/decisions/0025-simulation.md
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from random import SystemRandom

import pytest

from tests.simulation.scenario import Game

SEEDS = range(1, 41)
"""Those of `make test`."""
SECONDS = float(os.environ.get("DFKS_TEST_SIMULATION_SECONDS", "60"))
"""How long `make test-long` plays."""
FIRST = os.environ.get("DFKS_TEST_SIMULATION_SEED")
"""Where it begins; at random where that is not said."""
FAULTS = frozenset(
    {
        "crashes",
        "stops",
        "links_cut",
        "datagrams_lost",
        "datagrams_doubled",
        "datagrams_late",
        "transactions_failed",
        "transactions_stalled",
        "transactions_unknown",
        "fetches_failed",
        "changes_by_others",
    }
)
"""What strikes, as `World.counts` names it."""
_ROOT = Path(__file__).parents[2]


def play(seed: int) -> Game:
    """Play a history, in which nothing must be wrong."""
    game = Game(seed)
    game.play()
    violations = game.violations()
    text = "\n".join(map(str, violations[:10]))
    assert not violations, f"python -m tests.simulation {seed}\n{game.plan}\n{text}"
    return game


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_whatever_happens(seed: int) -> None:
    """The same few histories each time."""
    play(seed)


def test_every_fault_strikes_and_is_survived() -> None:
    """Else the histories prove nothing."""
    counts: dict[str, int] = {}
    for seed in SEEDS:
        for name, times in play(seed).world.counts.items():
            counts[name] = counts.get(name, 0) + times
    assert FAULTS - counts.keys() == set()
    assert counts["commits_conflict"] > 0
    assert counts["notifies_refused"] > 0
    assert counts["answers_200"] > 10 * counts["answers_503"]


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 120)
def test_nothing_is_lost_in_histories_that_nobody_has_seen() -> None:
    """The message of a failure says how to see it again."""
    first = int(FIRST) if FIRST else SystemRandom().randrange(10**9)
    print(f"DFKS_TEST_SIMULATION_SEED={first}")
    ends, seed = time.monotonic() + SECONDS, first
    while time.monotonic() < ends:
        play(seed)
        seed += 1
    print(f"{seed - first} histories in {SECONDS:.0f} s")


def test_a_seed_gives_the_same_history_in_every_process() -> None:
    """Also where texts have other hashes, so that sets have another order."""
    command = [sys.executable, "-m", "tests.simulation", "9"]
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
