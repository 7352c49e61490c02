"""Nothing is lost: 120 phones, and a server that is killed, paused and kept from its disk.

`DFKS_TEST_NEMESIS_SECONDS=300 .venv/bin/pytest -m long tests/long/test_nemesis.py -s` does it for
five minutes; `NEMESIS_SEED` repeats the faults and what phones do, though not the moments at which
they meet, and `NEMESIS_FAULTS=kill,pause` chooses.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.helpers.history import Event
from tests.helpers.mutant import MUTANTS
from tests.helpers.nemesis import Victim, torment
from tests.helpers.ordeal import Fault, Ordeal, policies
from tests.helpers.truth import truth_of

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

SECONDS = float(os.environ.get("DFKS_TEST_NEMESIS_SECONDS", "75"))
MUTANT_SECONDS = 40.0


class _Run(Ordeal):
    """One server and its file."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        command: list[str] | None = None,
        only: str | None = None,
    ) -> None:
        self.victim = Victim(folder, policies(folder), command)
        self._only = set(only.split(",")) if only else None
        super().__init__(folder, seed, [self.victim.sip])

    async def begin(self) -> None:
        await self.victim.start()

    async def torment(self, seconds: float) -> list[Fault]:
        return await torment(self.victim, seconds, self.dice, self._only)

    async def stop(self) -> None:
        await self.victim.stop()

    async def end(self) -> None:
        await self.victim.end()

    def url(self) -> str:
        return f"http://127.0.0.1:{self.victim.mi_port}/mi"

    def truth(self) -> Iterable[Event]:
        return truth_of(self.victim.store)

    def report(self) -> str:
        return f"{super().report()}slowest start {max(self.victim.starts):.2f} s\n"


async def test_nothing_is_lost_whatever_happens_to_the_server(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """No answered set, no subscription, no change that a phone should have heard of."""
    seed = int(os.environ.get("NEMESIS_SEED", pytestconfig.option.hypothesis_seed))
    sys.stdout.write(f"NEMESIS_SEED={seed}\n")
    run = _Run(tmp_path, seed, only=os.environ.get("NEMESIS_FAULTS"))
    await run.suffer(SECONDS)
    sys.stdout.write(run.report())
    violations = run.violations()
    text = "\n".join(map(str, violations[:20]))
    assert not violations, f"seed {seed}: {len(violations)}\n{text}"
    assert not run.losses()
    assert "Traceback" not in run.victim.log.read_text()


@pytest.mark.parametrize("what", sorted(MUTANTS))
async def test_the_checker_finds_a_server_that_lacks(
    what: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """What holds the promises is needed: without it, something is lost within a minute."""
    command = [sys.executable, "-m", "tests.helpers.mutant", what]
    seed = int(pytestconfig.option.hypothesis_seed)
    run = _Run(tmp_path, seed, command, "kill,kill_soon_again")
    await run.suffer(MUTANT_SECONDS)
    sys.stdout.write(run.report())
    sys.stdout.write(f"{Counter(one.rule for one in run.violations())}\n")
    assert run.violations()
