"""What many watchers of one presentity cost: `python -m bench.watchers [WATCHERS...]`.

Phones subscribe to one presentity, so many at a time; the CPU time of the last SUBSCRIBEs and of
refreshes is measured. Then an operator sets a feature: how long it takes until all were told, and
how long the answers to another phone take meanwhile.
"""

import json
import socket
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.load import Phones
from bench.server import Served, cpu_seconds
from bench.stop import spread, waits

WATCHERS = (1, 1_000, 20_000)
SAMPLE = 1_000
"""SUBSCRIBEs that are measured."""
ROUNDS = 5
WINDOW = 64
PROBE = 6.0
"""Seconds for which another phone asks, while watchers are told three times."""


def waits_for(server: tuple[str, int], seconds: float) -> list[float]:
    """How long each answer took, ms, for so many seconds."""
    end = time.monotonic() + seconds
    return waits(server, lambda: time.monotonic() < end)


def subscribe(served: Served, phones: Phones, numbers: range, cseq: int, expires: int) -> float:
    """CPU time of each SUBSCRIBE with its NOTIFY, µs."""
    before = cpu_seconds(served.pid)
    phones.run((phones.message(number, cseq, expires=expires) for number in numbers), WINDOW)
    return (cpu_seconds(served.pid) - before) / len(numbers) * 1e6


def tell(served: Served, phones: Phones, watchers: int, status: int) -> float:
    """Seconds from a set until each watcher was told."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as operator:
        operator.connect(served.mi)
        params = ["sip:u0@bench.test", "DoNotDisturb", status]
        call = {"jsonrpc": "2.0", "id": "1", "method": "dfks_set_feature", "params": params}
        begin = time.monotonic()
        phones.drain(watchers, lambda: operator.send(json.dumps(call).encode()))
        return time.monotonic() - begin


def measure(served: Served, watchers: int) -> dict[str, object]:
    """Fill up, subscribe, refresh, unsubscribe, tell."""
    phones = Phones(served.sip, one_presentity=True)
    phones.run((phones.message(number, 1) for number in range(watchers)), WINDOW)
    result: dict[str, object] = {"watchers": watchers}
    costs: dict[str, list[float]] = {"subscribe_us": [], "refresh_us": [], "unsubscribe_us": []}
    for turn in range(1, ROUNDS + 1):
        more = range(watchers + turn * SAMPLE, watchers + (turn + 1) * SAMPLE)
        for cseq, (name, expires) in enumerate(zip(costs, (3600, 3600, 0), strict=True), 1):
            costs[name].append(subscribe(served, phones, more, cseq, expires))
    result |= {name: round(min(values), 1) for name, values in costs.items()}
    with ProcessPoolExecutor(1) as other:
        result["answer_ms_before"] = spread(other.submit(waits_for, served.sip, 3).result())
        answers = other.submit(waits_for, served.sip, PROBE)
        before = cpu_seconds(served.pid)
        took = []
        for turn in range(3):
            time.sleep(0.3)
            took.append(round(tell(served, phones, watchers, (turn + 1) % 2), 3))
        result["told_s"] = took
        result["answer_ms_meanwhile"] = spread(answers.result())
        result["tell_us"] = round((cpu_seconds(served.pid) - before) / 3 / watchers * 1e6, 1)
    return result


def main() -> None:
    """Measure, and print JSON."""
    for watchers in map(int, sys.argv[1:] or WATCHERS):
        with tempfile.TemporaryDirectory() as folder, Served(Path(folder)) as served:
            print(json.dumps(measure(served, watchers)), flush=True)


if __name__ == "__main__":
    main()
