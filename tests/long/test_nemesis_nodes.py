"""Nothing is lost: 120 phones, three nodes, one PostgreSQL, of which any part may die.

`DURATION=3600 .venv/bin/pytest -m long tests/long/test_nemesis_nodes.py -s` does it for an hour, as
`make chaos` does; `NEMESIS_SEED` repeats the faults and what phones do, though not the moments at
which they meet, and `NEMESIS_FAULTS=kill,pause` chooses. The history is in `var/nemesis/`. As root
on Linux, each node has a network namespace of its own, and packets are lost for real.
"""

import asyncio
import os
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.helpers.network import NoNetworkError
from tests.helpers.nodes_nemesis import NodesOrdeal
from tests.helpers.nodes_network import NodesNetwork, nodes_network
from tests.helpers.postgres import Cluster, needs_postgres
from tests.helpers.server import ROOT

SECONDS = float(os.environ.get("DURATION", "180"))
KEPT = ROOT / "var" / "nemesis"
"""Where the last history stays, and what nodes said."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    needs_postgres,
    pytest.mark.timeout(SECONDS + 600),
]


async def test_nothing_is_lost_whatever_happens_to_nodes_and_engine(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """No answered set, no subscription, no change that a phone should have heard of."""
    seed = int(os.environ.get("NEMESIS_SEED", pytestconfig.option.hypothesis_seed))
    sys.stdout.write(f"NEMESIS_SEED={seed}\n")
    with _network(seed) as network:
        engine = Cluster()
        try:
            engine.start()
            only = os.environ.get("NEMESIS_FAULTS")
            run = await asyncio.to_thread(NodesOrdeal, tmp_path, seed, engine, only, network)
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


@contextmanager
def _network(seed: int) -> Iterator[NodesNetwork | None]:
    """That of the nodes, where this machine allows one."""
    with ExitStack() as opened:
        try:
            network = opened.enter_context(nodes_network(random.Random(seed)))
        except NoNetworkError as error:
            sys.stdout.write(f"all on one host, and phones lose datagrams: {error}\n")
            network = None
        yield network


def _keep(folder: Path) -> None:
    """Put the history and the logs where people, and CI, find them."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    for file in [folder / "history.txt", *folder.glob("node-*/server.log")]:
        if file.exists():
            shutil.copy(file, KEPT / f"{file.parent.name}-{file.name}")
