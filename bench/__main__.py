"""Measure everything, print a table and keep the result: `python -m bench [--only NAME...]`."""

import argparse
import json
import os
import platform
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench import auth, lateness, memory, waiting
from bench.figures import FIGURES, Side
from bench.server import RESULTS, Bare, Served

ROUNDS = 5
SLICES = 6
"""Of each figure in a round; each is followed by one of the bare loop, so that noise hits both."""
PACED_SLICES = 2
"""The same at fixed rates, where a slice takes half a second."""
TELLS_WITHIN = 1.0
"""Bar: a set that comes alone is told within this and the time of one sync, ms."""
ANSWERS_WITHIN = 5.0
"""Bar: p99 of the 200 at half of the highest rate, ms."""
OTHERS = ("latency", "lone", "lateness", "bytes_per_subscription", "digest")
LATENESS = (10_000, 15)
"""Subscriptions, and seconds; `python -m bench.lateness` takes more of both."""


def measure(names: set[str]) -> dict[str, Any]:
    """All of these figures, in rounds: each ratio is within one round."""
    costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    waits: dict[str, list[Any]] = defaultdict(list)
    for _ in range(ROUNDS):
        # Each half on a server of its own: a thousand watchers find no heap full of dialogs.
        for is_fan in (False, True):
            chosen = [name for name in FIGURES if FIGURES[name].is_half == is_fan and name in names]
            if chosen or (not is_fan and names & {"latency", "lone"}):
                with _sides() as (side, bare, folder):
                    for name in chosen:
                        costs[name].append(_cost(name, side, bare))
                    if not is_fan and "lone" in names:
                        waits["lone"].append(waiting.lone(side, folder))
                    if not is_fan and "latency" in names:
                        waits["latency"].append(waiting.latency(side))
    result: dict[str, Any] = {"machine": machine()}
    result |= {name: _row(name, found) for name, found in costs.items()}
    result |= {name: _waited(found) for name, found in waits.items()}
    if "lateness" in names:
        result["lateness"] = lateness.run(*LATENESS)
    if "bytes_per_subscription" in names:
        with tempfile.TemporaryDirectory(dir=RESULTS) as name, Served(Path(name)) as served:
            found = memory.measure_memory(served)
        result["bytes_per_subscription"] = {"bytes": found, "bar": memory.BAR}
    if "digest" in names:
        result["digest"] = auth.measure()
    return result


@contextmanager
def _sides() -> Iterator[tuple[Side, Bare, Path]]:
    with ExitStack() as opened:
        bare = opened.enter_context(Bare())
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=RESULTS)))
        side = Side(opened.enter_context(Served(folder)))
        opened.callback(side.close)
        yield side, bare, folder


def _cost(name: str, side: Side, bare: Bare) -> tuple[float, float]:
    """CPU of a cycle, and of one of the bare loop, µs: the medians of the slices."""
    figure = FIGURES[name]
    turns = range(SLICES if figure.pace.window else PACED_SLICES)
    both = [(figure.cost(side), figure.floor(bare)) for _ in turns]
    return median(cost for cost, _ in both), median(floor for _, floor in both)


def _row(name: str, found: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = sorted(round(cost / floor, 2) for cost, floor in found)
    return {
        "us": round(median(cost for cost, _ in found), 1),
        "floor_us": round(median(floor for _, floor in found), 1),
        "ratio": median(ratios),
        "ratios": ratios,
        "bar": FIGURES[name].bar,
    }


def _waited(found: list[Any]) -> dict[str, float]:
    """The medians of all rounds."""
    names = found[0]._fields
    return {name: round(median(getattr(one, name) for one in found), 2) for name in names}


def machine() -> dict[str, object]:
    """Where it was measured: figures of two machines cannot be compared."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpu": model,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def table(result: dict[str, Any]) -> Iterator[str]:
    """What a reader wants to know, in lines."""
    yield ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    yield f"{'CPU of a cycle':24}{'µs':>8}{'floor':>8}{'of floor':>10}   bar"
    for name in (name for name in FIGURES if name in result):
        row = result[name]
        bar = _held(row["ratio"], row["bar"])
        yield f"{name:24}{row['us']:8.1f}{row['floor_us']:8.1f}{row['ratio']:10.2f}   {bar}"
    if "lone" in result:
        lone = result["lone"]
        bar = _held(lone["told"], round(lone["sync"] + TELLS_WITHIN, 2))
        yield (
            f"a lone set: answered {lone['answered']} ms, told {lone['told']} ms,"
            f" one fdatasync {lone['sync']} ms   {bar}"
        )
    if "latency" in result:
        latency = result["latency"]
        yield (
            f"the 200 at half of {latency['per_second']:.0f}/s: p50 {latency['p50']} ms,"
            f" p99 {latency['p99']} ms   {_held(latency['p99'], ANSWERS_WITHIN)}"
        )
    if "lateness" in result:
        late = result["lateness"]
        yield (
            f"the loop with {late['subscriptions']} subscriptions and mixed traffic:"
            f" {late['over_10_ms']} of {late['looks']} looks were more than 10 ms late"
            f"   {_held(late['over_10_ms'], 0)}"
        )
    if "bytes_per_subscription" in result:
        row = result["bytes_per_subscription"]
        yield f"bytes of a subscription: {row['bytes']}   {_held(row['bytes'], row['bar'])}"


def _held(value: float, bar: float | None) -> str:
    if bar is None:
        return "-"
    return f"{bar:g} holds" if value <= bar else f"{bar:g} missed"


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    every = (*FIGURES, *OTHERS)
    parser.add_argument("--only", nargs="+", choices=every, metavar="NAME", default=every)
    RESULTS.mkdir(exist_ok=True)
    result = measure(set(parser.parse_args().only))
    print(*table(result), sep="\n")
    (RESULTS / "latest.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
