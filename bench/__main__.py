"""Measure everything; print and keep the result as JSON."""

import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench.load import Phones
from bench.server import Served, cpu_seconds, resident_bytes

ROUNDS = 5
CYCLES = 20_000
WINDOW = 64
WATCHERS = 1_000
SUBSCRIPTIONS = 50_000
TRANSACTIONS_END = 34
"""Seconds until the server has forgotten the transactions of what it answered."""


def main() -> None:
    """Run all measurements, the noisy ones in rounds: each ratio is within one round."""
    rounds = [measure_round() for _ in range(ROUNDS)]
    result: dict[str, object] = {"python": platform.python_version()}
    result["floor_us"] = round(median(one["floor"] for one in rounds), 2)
    for name, bar, share in (("initial", 7, 1), ("set", 10, 1), ("fan_out", 3, 2)):
        ratios = [one[name] / one["floor"] * share for one in rounds]
        result[name] = {
            "us": round(median(one[name] for one in rounds), 1),
            "ratio": round(median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in sorted(ratios)],
            "bar": bar,
        }
    with tempfile.TemporaryDirectory(dir=".") as folder, Served(Path(folder)) as served:
        result["bytes_per_subscription"] = {"bytes": measure_memory(served), "bar": 3072}
    text = json.dumps(result, indent=1)
    print(text)
    target = Path(__file__).parent / "results" / "latest.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")


def measure_round() -> dict[str, float]:
    """CPU of each figure, µs."""
    figures = {"floor": measure_floor()}
    with tempfile.TemporaryDirectory(dir=".") as folder, Served(Path(folder)) as served:
        phones = Phones(served.sip)
        figures["initial"] = _cpu(served.pid, lambda: phones.run(_initial(phones), WINDOW))
        # Presentities of their own, with one phone each: nobody else is told of a set.
        fresh = (phones.message(number, 1, users=2_000_000) for number in _SETTERS)
        phones.run(fresh, WINDOW)
        figures["set"] = _cpu(served.pid, lambda: phones.run(_sets(phones), WINDOW))
    with tempfile.TemporaryDirectory(dir=".") as folder, Served(Path(folder)) as served:
        figures["fan_out"] = measure_fan_out(served)
    return figures


def _cpu(pid: int, run: Callable[[], int]) -> float:
    """CPU of process `pid` for each thing that `run` did, µs."""
    before = cpu_seconds(pid)
    count = run()
    return (cpu_seconds(pid) - before) / count * 1e6


def _initial(phones: Phones) -> Iterator[bytes]:
    for number in range(CYCLES):
        yield phones.message(number, 1)


_SET = (
    b'<?xml version="1.0" encoding="UTF-8"?><SetForwarding xmlns="http://www.ecma-international.org/'
    b'standards/ecma-323/csta/ed3"><device/><forwardDN>%d</forwardDN><forwardingType>forwardImmediate'
    b"</forwardingType><activateForward>true</activateForward></SetForwarding>"
)


_SETTERS = range(1_000_000, 1_001_000)


def _sets(phones: Phones) -> Iterator[bytes]:
    for turn in range(CYCLES // len(_SETTERS)):
        for number in _SETTERS:
            target = number * 100 + turn
            yield phones.message(number, turn + 2, _SET % target, users=2_000_000)


def measure_floor() -> float:
    """CPU of the four system calls alone, µs."""
    reader, writer = os.pipe()
    code = f"from bench.server import bare_loop; bare_loop({writer})"
    process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[writer])
    try:
        phones = Phones(("127.0.0.1", int(os.read(reader, 10))))
        return _cpu(process.pid, partial(phones.run, _initial(phones), WINDOW, bare=True))
    finally:
        process.kill()
        process.wait()


def measure_fan_out(served: Served) -> float:
    """CPU for each NOTIFY when one MI set is told to 1,000 watchers, µs."""
    phones = Phones(served.sip, one_presentity=True)
    phones.run((phones.message(number, 1) for number in range(WATCHERS)), WINDOW)
    operator = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    operator.connect(served.mi)
    sets = 20
    before = cpu_seconds(served.pid)
    for turn in range(sets):
        params = ["sip:u0@bench.test", "DoNotDisturb", (turn + 1) % 2]
        call = {"jsonrpc": "2.0", "id": "1", "method": "dfks_set_feature", "params": params}
        phones.drain(WATCHERS, partial(operator.send, json.dumps(call).encode()))
    return (cpu_seconds(served.pid) - before) / (sets * WATCHERS) * 1e6


def measure_memory(served: Served) -> int:
    """Resident memory for each of 50,000 subscriptions, bytes."""
    phones = Phones(served.sip)
    before = resident_bytes(served.pid)
    messages = (phones.message(n, 1, users=SUBSCRIPTIONS) for n in range(SUBSCRIPTIONS))
    phones.run(messages, WINDOW)
    time.sleep(TRANSACTIONS_END)
    return (resident_bytes(served.pid) - before) // SUBSCRIPTIONS


if __name__ == "__main__":
    main()
