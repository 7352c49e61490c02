"""Memory: `python -m bench.memory [SUBSCRIPTIONS] [--store STORE] [--tree CHECKOUT]`.

So many phones (100,000) subscribe, all of them refresh, and a thousand are told a change; then the
server is killed and started again. Prints after each step what it has cost, and how much the
resident memory of the server has grown since before the first, for each subscription: at once, and
when the transactions are forgotten. Then, how long it takes to start again: until it answers, and
until all subscriptions are found.
"""

import argparse
import json
import os
import signal
import socket
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from bench.load import Phones
from bench.probe import LOADED, first_answer, free_port, statistics
from bench.server import Served, cpu_seconds, resident_bytes

SUBSCRIPTIONS = 100_000
BAR = 1_024
"""Most bytes of each."""
WINDOW = 20
TRANSACTIONS_END = 36.0
"""Seconds after which nothing is kept to know a repeat by."""
TOLD = 1_000
"""Phones that are told a change."""


def measure_memory(served: Served, subscriptions: int = SUBSCRIPTIONS) -> int:
    """Growth of resident memory for each of so many new subscriptions, bytes."""
    phones = Phones(served.sip)
    before = resident_bytes(served.pid)
    messages = (phones.message(n, 1, users=subscriptions) for n in range(subscriptions))
    phones.run(messages, WINDOW)
    time.sleep(TRANSACTIONS_END)
    phones.close()
    return (resident_bytes(served.pid) - before) // subscriptions


def main() -> None:
    """Measure, and print JSON, a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subscriptions", nargs="?", type=int, default=SUBSCRIPTIONS)
    parser.add_argument("--store", default="sqlite:dfks.db", help="as in the settings")
    parser.add_argument("--tree", type=Path, help="another checkout with a .venv")
    given = parser.parse_args()
    count: int = given.subscriptions
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        port = free_port()
        sip = f'listen: ["udp:127.0.0.1:{port}"]'
        start = partial(Served, Path(name), tree=given.tree, store=given.store, sip=sip)
        before = _first_life(start, count)
        if given.store.startswith("sqlite:"):
            _second_life(start, port, before, count)


def _first_life(start: "partial[Served]", count: int) -> int:
    """Do all of it, and kill the server; its resident memory before, bytes."""
    with start() as served:
        phones = Phones(served.sip)
        # Until one has answered a NOTIFY, only a few of one address may wait for theirs.
        phones.run([phones.message(0, 1)], 1)
        # What is there once, however many there are: code, caches, the store's own memory.
        phones.run((phones.message(n, 1, users=2_000) for n in range(1, 2_000)), WINDOW)
        phones.run((phones.message(n, 2, users=2_000, expires=0) for n in range(2_000)), WINDOW)
        time.sleep(TRANSACTIONS_END)
        before = resident_bytes(served.pid)
        print(json.dumps({"step": "before", "resident_mb": round(before / 1e6)}), flush=True)
        phones = Phones(served.sip)

        def subscribe(cseq: int) -> int:
            return phones.run((phones.message(n, cseq, users=count) for n in range(count)), WINDOW)

        for step, act in (
            ("subscribed", partial(subscribe, 1)),
            ("refreshed", partial(subscribe, 2)),
            ("told", partial(_tell, served, phones)),
        ):
            _measure(served, step, act, before, count)
        os.kill(served.pid, signal.SIGKILL)
    return before


def _second_life(start: "partial[Served]", port: int, before: int, count: int) -> None:
    """Start it again, and see how soon it has all of them."""
    times: dict[str, float] = {}
    begin = time.monotonic()

    def first() -> None:
        times["answers"] = first_answer(("127.0.0.1", port)) - begin

    asking = threading.Thread(target=first)
    asking.start()
    with start() as served:
        while statistics(served.mi)[LOADED] < count:
            time.sleep(0.05)
        found = {"loaded": time.monotonic() - begin, "cpu": cpu_seconds(served.pid)}
        asking.join()
        resident = resident_bytes(served.pid)
    print(
        json.dumps(
            {
                "step": "restarted",
                **{name: round(seconds, 1) for name, seconds in {**times, **found}.items()},
                "bytes": round((resident - before) / count),
                "resident_mb": round(resident / 1e6),
            }
        )
    )


def _tell(served: Served, phones: Phones) -> int:
    """Set a feature of each of the first phones, by MI."""
    operator = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    operator.connect(served.mi)
    for number in range(TOLD):
        params = [f"sip:u{number}@bench.test", "DoNotDisturb", 1]
        call = {"jsonrpc": "2.0", "id": "1", "method": "dfks_set_feature", "params": params}
        phones.drain(1, partial(operator.send, json.dumps(call).encode()))
    return TOLD


def _measure(served: Served, step: str, act: "partial[int]", before: int, count: int) -> None:
    began, spent = time.monotonic(), cpu_seconds(served.pid)
    done = act()
    spent, lasted = cpu_seconds(served.pid) - spent, time.monotonic() - began
    at_once = resident_bytes(served.pid)
    time.sleep(TRANSACTIONS_END)
    later = resident_bytes(served.pid)
    print(
        json.dumps(
            {
                "step": step,
                "seconds": round(lasted, 1),
                "cpu_us_each": round(spent / done * 1e6, 1),
                "bytes_at_once": round((at_once - before) / count),
                "bytes": round((later - before) / count),
                "resident_mb": round(later / 1e6),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
