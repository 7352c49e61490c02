"""Memory of a subscription: `python -m bench.memory [SUBSCRIPTIONS]`."""

import sys
import tempfile
import time
from pathlib import Path

from bench.figures import WINDOW
from bench.load import Phones
from bench.server import RESULTS, Served, resident_bytes

SUBSCRIPTIONS = 100_000
BAR = 1_024
TRANSACTIONS_END = 34
"""Seconds until the server has forgotten the transactions of what it answered."""


def measure_memory(served: Served, subscriptions: int = SUBSCRIPTIONS) -> int:
    """Growth of resident memory for each of so many subscriptions, bytes."""
    phones = Phones(served.sip)
    before = resident_bytes(served.pid)
    messages = (phones.message(n, 1, users=subscriptions) for n in range(subscriptions))
    phones.run(messages, WINDOW)
    time.sleep(TRANSACTIONS_END)
    phones.close()
    return (resident_bytes(served.pid) - before) // subscriptions


def main() -> None:
    """Measure, and print it."""
    RESULTS.mkdir(exist_ok=True)
    subscriptions = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIPTIONS
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder, Served(Path(folder)) as served:
        print(f"{measure_memory(served, subscriptions)} bytes for each of {subscriptions}")


if __name__ == "__main__":
    main()
