"""Nothing is lost: 120 phones, three nodes, one PostgreSQL, of which any part may die.

`DURATION=3600 .venv/bin/pytest -m long tests/long/test_nemesis_nodes.py -s` does it for an hour, as
`make chaos` does; `NEMESIS_SEED` repeats the faults and what phones do, though not the moments at
which they meet, and `NEMESIS_FAULTS=kill,pause` chooses. The history is in `var/nemesis/`.
"""

import asyncio
import os
import random
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.helpers.fleet import Fleet, Node, free_port
from tests.helpers.history import Event
from tests.helpers.nodes_nemesis import Nemesis
from tests.helpers.ordeal import Fault, Ordeal, policies
from tests.helpers.postgres import Cluster, needs_postgres
from tests.helpers.server import ROOT
from tests.helpers.tcp_relay import TcpRelay
from tests.helpers.truth import truth_of_database

SECONDS = float(os.environ.get("DURATION", "180"))
KEPT = ROOT / "var" / "nemesis"
"""Where the last history stays, and what nodes said."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    needs_postgres,
    pytest.mark.timeout(SECONDS + 600),
]


class _Run(Ordeal):
    """Three nodes, each with a way of its own to the engine."""

    def __init__(self, folder: Path, seed: int, engine: Cluster, only: str | None) -> None:
        self._engine = engine
        self._database = engine.create()
        self._only = set(only.split(",")) if only else None
        target = "127.0.0.1", engine.port
        self.fleet = Fleet(folder, engine.url(self._database), 3, policies=policies(folder))
        self._ways: dict[str, TcpRelay] = {}
        for node in self.fleet.nodes:
            way = self._ways[node.name] = TcpRelay(target, free_port())
            node.goes_by(f"postgresql://postgres@127.0.0.1:{way.port}/{self._database}")
        super().__init__(folder, seed, [node.sip for node in self.fleet.nodes])

    async def begin(self) -> None:
        for way in self._ways.values():
            await way.start()
        await asyncio.to_thread(self.fleet.be_whole)

    async def torment(self, seconds: float) -> list[Fault]:
        dice = random.Random(self.dice.random())
        nemesis = Nemesis(self.fleet, self._engine, self._ways, dice)
        return await nemesis.torment(seconds, self._only)

    async def stop(self) -> None:
        for node in self.fleet.nodes:
            await asyncio.to_thread(node.stop)

    async def end(self) -> None:
        await asyncio.to_thread(self.fleet.close)
        for way in self._ways.values():
            await way.close()

    def url(self) -> str:
        return random.choice(self._running()).mi_url

    def _running(self) -> list[Node]:
        return [node for node in self.fleet.nodes if node.is_running] or self.fleet.nodes

    def truth(self) -> Iterable[Event]:
        return truth_of_database(self._engine, self._database)

    def said(self) -> str:
        """What all nodes have said."""
        return "".join(node.log.read_text("utf-8") for node in self.fleet.nodes)


async def test_nothing_is_lost_whatever_happens_to_nodes_and_engine(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """No answered set, no subscription, no change that a phone should have heard of."""
    seed = int(os.environ.get("NEMESIS_SEED", pytestconfig.option.hypothesis_seed))
    sys.stdout.write(f"NEMESIS_SEED={seed}\n")
    engine = Cluster()
    try:
        engine.start()
        run = await asyncio.to_thread(
            _Run, tmp_path, seed, engine, os.environ.get("NEMESIS_FAULTS")
        )
        await run.suffer(SECONDS)
    finally:
        engine.remove()
        _keep(tmp_path)
    sys.stdout.write(run.report())
    violations = run.violations()
    text = "\n".join(map(str, violations[:20]))
    assert not violations, f"seed {seed}: {len(violations)}\n{text}"
    assert not run.losses()
    assert "Traceback" not in run.said()


def _keep(folder: Path) -> None:
    """Put the history and the logs where people, and CI, find them."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    for file in [folder / "history.txt", *folder.glob("node-*/server.log")]:
        if file.exists():
            shutil.copy(file, KEPT / f"{file.parent.name}-{file.name}")
