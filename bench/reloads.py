"""What a reload costs: `python -m bench.reloads`. Figures are in docs/topics/hot-reload.md."""

import asyncio
import gc
import json
import resource
import tempfile
import threading
import time
from pathlib import Path

import structlog

from bench.server import resident_bytes
from dfks_rules.app.desk.reload import PolicyReloader
from tests.helpers.reloads import Tally, reload_under_load, settings, write_tenants

ROUNDS = 4
RELOADS = 100
"""In each round; memory is read between rounds."""
TENANTS = 100
RULES = 50
"""Of each tenant."""


async def measure_load(folder: Path) -> dict[str, object]:
    """400 reloads of 180 rules while 4 tasks decide."""
    last = f"w{RELOADS - 1}"
    write_tenants(folder, last, 60)
    policies = PolicyReloader((folder,), settings(folder.parent))
    await policies.start()
    memory, threads = [], []
    tallies: list[Tally] = []
    for _ in range(ROUNDS):
        tallies.append(await reload_under_load(policies, folder, RELOADS, rules=60, word=last))
        memory.append(resident_bytes(_own_pid()) // 1024)
        threads.append(threading.active_count())
    statistics = dict(policies.statistics())
    await policies.close()
    return {
        "reloads": sum(one.reloads for one in tallies),
        "decisions": sum(one.decisions for one in tallies),
        "wrong": sum(one.wrong for one in tallies),
        "resident_kb_after_each_100": memory,
        "threads_after_each_100": threads,
        "statistics": statistics,
    }


async def measure_large(folder: Path) -> dict[str, object]:
    """5,000 rules of 100 tenants: the first time, and when one rule changes."""
    for number in range(TENANTS):
        write_large_tenant(folder, number)
    # As the server does.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    policies = PolicyReloader((folder,), settings(folder.parent))
    result: dict[str, object] = {}
    for name in ("start", "one_rule_changed", "all_changed"):
        if name == "one_rule_changed":
            write_large_tenant(folder, 7, word="other")
        if name == "all_changed":
            for number in range(TENANTS):
                write_large_tenant(folder, number, first=number + 1)
        before = {shard.plan.content for shard in policies.live.active.shards}
        child, own = _cpu(resource.RUSAGE_CHILDREN), _cpu(resource.RUSAGE_SELF)
        wall = time.perf_counter()
        stalls: list[float] = []
        ticking = asyncio.create_task(_tick(stalls))
        await (policies.start() if name == "start" else policies.reload("operator"))
        ticking.cancel()
        wall = time.perf_counter() - wall
        shards = policies.live.active.shards
        stalls.sort(reverse=True)
        result[name] = {
            "seconds": round(wall, 2),
            "child_cpu_seconds": round(_cpu(resource.RUSAGE_CHILDREN) - child, 2),
            "server_cpu_seconds": round(_cpu(resource.RUSAGE_SELF) - own, 2),
            "longest_stalls_ms": [round(one * 1000, 1) for one in stalls[:5]],
            "shards": len(shards),
            "shards_taken_over": sum(shard.plan.content in before for shard in shards),
        }
    await policies.close()
    return result


def write_large_tenant(folder: Path, number: int, word: str = "word", first: int = 0) -> None:
    """Fifty rules, none the same as one of another tenant."""
    domain = f"t{number}.example"
    tenant = folder / "tenants" / domain
    tenant.mkdir(parents=True, exist_ok=True)
    rules = "\n".join(
        f"  - id: r{n}\n    when: {{op: [get, set], user: u{first}-{number}-{n}, "
        f"userAgent: {{prefix: [a{n}, b{number}]}}, time: {{ge: '08:00', lt: '18:00'}}}}\n"
        f"    unless: {{source.ip: {{cidr: 10.{number}.{n}.0/24}}}}\n"
        f"    then: {{status: 1, log: {word if n == 0 else 'constant'}}}"
        for n in range(RULES)
    )
    (tenant / "policy.yaml").write_text(
        f"apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: t{number}}}\n"
        f"scope: {{domain: {domain}}}\nrules:\n{rules}\n"
    )


async def _tick(stalls: list[float]) -> None:
    """How much later than asked for each millisecond ends."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls.append(time.perf_counter() - before - 0.001)


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


def main() -> None:
    """Measure, and print JSON."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "large").mkdir()
        result = {
            "load": asyncio.run(measure_load(folder / "load")),
            "large": asyncio.run(measure_large(folder / "large")),
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
