"""The engine of several nodes by itself: `python -m bench.engine [ROWS]`.

Starts PostgreSQL (with fsync) and prints JSON: how many sets a second one node stores while 1, 20
or 200 wait, each a change of one feature together with the row of its phone's dialog; the CPU that
a set takes here and in the engine's process; and how long it takes to read the rows of so many
subscriptions as a claim does.
"""

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path

from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Verdict
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import COHORTS, Step
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.postgres import Cluster, cluster
from tests.helpers.wanted import change

ROWS = 100_000
USERS = 10_000
SECONDS = 8.0
PAGE = 5_000
_TICK = os.sysconf("SC_CLK_TCK")
_FIRST = b"SUBSCRIBE sip:u@bench.test SIP/2.0\r\n" + b"x" * 700


def _aor(n: int) -> Aor:
    return Aor(f"u{n % USERS}", "bench.test")


def _row(epoch: int, n: int, cseq: int = 1) -> DialogRow:
    number = (epoch << 32) + n
    first = _FIRST if cseq == 1 else None
    return DialogRow(number, b"tag%d" % number, _aor(n), 2e9, cseq, 0, 0, first, None)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


async def _fill(engine: PostgresEngine, epoch: int, rows: int) -> float:
    begun = time.perf_counter()
    for start in range(0, rows, 256):
        numbers = range(start + 1, min(start + 256, rows) + 1)
        await engine.commit(epoch, [Step(rows=tuple(_row(epoch, n) for n in numbers))], "b")
    return time.perf_counter() - begun


async def _sets(
    server: Cluster, engine: PostgresEngine, epoch: int, waiting: int, rows: int
) -> object:
    states: dict[Aor, Snapshot] = {}
    cseqs: dict[int, int] = {}
    [backend] = server.backends("dfks bench commit")
    stored, took = 0, []
    here, there, begun = time.process_time(), _cpu(backend), time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        steps = []
        for n in random.sample(range(min(USERS, rows)), waiting):
            presentity = _aor(n + 1)
            if presentity not in states:
                [(_, states[presentity])] = await engine.fetch([presentity])
            before = states[presentity]
            on = FeatureState(not before.state(Feature.DO_NOT_DISTURB).status)
            after = states[presentity] = before.replace(Feature.DO_NOT_DISTURB, on)
            cseqs[n] = cseqs.get(n, time.monotonic_ns() // 1_000_000) + 1
            made = change(presentity, before, after)
            steps.append(Step((made,), visit=_row(epoch, n + 1, cseqs[n])))
        asked = time.perf_counter()
        outcomes = await engine.commit(epoch, steps, "b")
        took.append(time.perf_counter() - asked)
        assert all(one.verdict is Verdict.STORED for one in outcomes), outcomes
        stored += waiting
    elapsed = sum(took)
    took.sort()
    return {
        "sets a second": round(stored / elapsed),
        "commit p50, ms": round(took[len(took) // 2] * 1e3, 2),
        "commit p99, ms": round(took[len(took) * 99 // 100] * 1e3, 2),
        "CPU here and of what makes them, µs a set": round(
            (time.process_time() - here) / stored * 1e6
        ),
        "CPU of the engine's process, µs a set": round((_cpu(backend) - there) / stored * 1e6),
    }


async def _read(engine: PostgresEngine, epoch: int) -> object:
    cohorts = [epoch * COHORTS + n for n in range(COHORTS)]
    results = {}
    for told, some in (("all cohorts", cohorts), ("every other one", cohorts[::2])):
        begun, before, count = time.perf_counter(), 1 << 62, 0
        while page := await engine.rows(some, before, PAGE):
            before, count = page[-1].row, count + len(page)
        results[told] = {"rows": count, "s": round(time.perf_counter() - begun, 2)}
    return results


async def _run(server: Cluster, rows: int) -> None:
    url = server.url(server.create())
    await migrate(url)
    engine = PostgresEngine(url, "bench")
    epoch = (await engine.join("bench", "0", 3600.0)).epoch
    created = await _fill(engine, epoch, rows)
    results: dict[str, object] = {"created": {"rows": rows, "s": round(created, 2)}}
    for waiting in (1, 20, 200):
        results[f"{waiting} waiting"] = await _sets(server, engine, epoch, waiting, rows)
    results["rows read"] = await _read(engine, epoch)
    await engine.close()
    print(json.dumps(results, indent=2, ensure_ascii=False))


def main(rows: int = ROWS) -> None:
    """Measure, and print."""
    with cluster() as server:
        server.stop()
        server.start("fsync=on")
        asyncio.run(_run(server, rows))


if __name__ == "__main__":
    main(*[int(one) for one in sys.argv[1:]])
