"""Measure everything; print and keep the result as JSON."""

import json
import platform
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import auth
from bench.load import Phones
from bench.server import Bare, Served, cpu_seconds, resident_bytes

RESULTS = Path(__file__).parent / "results"
"""Also for stores: a temporary folder may be in memory, where fsync costs nothing."""
ROUNDS = 5
SLICES = 20
SLICE = 1_000
"""Cycles in one slice; each is followed by as many of the bare loop, so that noise hits both."""
WINDOW = 64
WATCHERS = 1_000
SUBSCRIPTIONS = 50_000
TRANSACTIONS_END = 34
"""Seconds until the server has forgotten the transactions of what it answered."""


class Cost(NamedTuple):
    """CPU of one cycle, µs."""

    server: float
    floor: float
    """Of the four system calls alone, in the same seconds."""


def main() -> None:
    """Run all measurements, the noisy ones in rounds: each ratio is within one round."""
    RESULTS.mkdir(exist_ok=True)
    rounds = [measure_round() for _ in range(ROUNDS)]
    result: dict[str, object] = {"python": platform.python_version()}
    result["floor_us"] = round(median(cost.floor for one in rounds for cost in one.values()), 2)
    for name, bar, share in (("initial", 7, 1), ("set", 10, 1), ("fan_out", 3, 2)):
        ratios = [one[name].server / one[name].floor * share for one in rounds]
        result[name] = {
            "us": round(median(one[name].server for one in rounds), 1),
            "ratio": round(median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in sorted(ratios)],
            "bar": bar,
        }
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder, Served(Path(folder)) as served:
        result["bytes_per_subscription"] = {"bytes": measure_memory(served), "bar": 3072}
    result["digest"] = auth.measure()
    text = json.dumps(result, indent=1)
    print(text)
    (RESULTS / "latest.json").write_text(text + "\n", encoding="utf-8")


def measure_round() -> dict[str, Cost]:
    """The cost of each figure."""
    figures = {}
    with (
        Bare() as bare,
        tempfile.TemporaryDirectory(dir=RESULTS) as folder,
        Served(Path(folder)) as served,
    ):
        phones = Phones(served.sip)
        figures["initial"] = _cost(
            served, bare, lambda n: phones.run(_initial(phones, n * SLICE), WINDOW)
        )
        # Presentities of their own, with one phone each: nobody else is told of a set.
        fresh = (phones.message(number, 1, users=2_000_000) for number in _SETTERS)
        phones.run(fresh, WINDOW)
        figures["set"] = _cost(served, bare, lambda n: phones.run(sets(phones, n), WINDOW))
    with (
        Bare() as bare,
        tempfile.TemporaryDirectory(dir=RESULTS) as folder,
        Served(Path(folder)) as served,
    ):
        figures["fan_out"] = measure_fan_out(served, bare)
    return figures


def _cost(served: Served, bare: Bare, run: Callable[[int], int]) -> Cost:
    """The cost of what `run` does for each of `SLICES` numbers."""
    phones = Phones(bare.address)
    server = floor = 0.0
    done = bare_done = 0
    for number in range(SLICES):
        before, bare_before = cpu_seconds(served.pid), cpu_seconds(bare.pid)
        done += run(number)
        bare_done += phones.run(_initial(phones, 0), WINDOW, bare=True)
        server += cpu_seconds(served.pid) - before
        floor += cpu_seconds(bare.pid) - bare_before
    return Cost(server / done * 1e6, floor / bare_done * 1e6)


def _initial(phones: Phones, first: int) -> Iterator[bytes]:
    for number in range(first, first + SLICE):
        yield phones.message(number, 1)


_SET = (
    b'<?xml version="1.0" encoding="UTF-8"?><SetForwarding xmlns="http://www.ecma-international.org/'
    b'standards/ecma-323/csta/ed3"><device/><forwardDN>%d</forwardDN><forwardingType>forwardImmediate'
    b"</forwardingType><activateForward>true</activateForward></SetForwarding>"
)


_SETTERS = range(1_000_000, 1_000_000 + SLICE)


def sets(phones: Phones, turn: int) -> Iterator[bytes]:
    """A set of each of 1,000 phones, to a target that it has not been in another turn below 100."""
    for number in _SETTERS:
        target = number * 100 + turn
        yield phones.message(number, turn + 2, _SET % target, users=2_000_000)


def measure_fan_out(served: Served, bare: Bare) -> Cost:
    """The cost of each NOTIFY when one MI set is told to 1,000 watchers."""
    phones = Phones(served.sip, one_presentity=True)
    phones.run((phones.message(number, 1) for number in range(WATCHERS)), WINDOW)
    operator = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    operator.connect(served.mi)

    def tell(turn: int) -> int:
        params = ["sip:u0@bench.test", "DoNotDisturb", (turn + 1) % 2]
        call = {"jsonrpc": "2.0", "id": "1", "method": "dfks_set_feature", "params": params}
        phones.drain(WATCHERS, partial(operator.send, json.dumps(call).encode()))
        return WATCHERS

    return _cost(served, bare, tell)


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
