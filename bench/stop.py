"""How a stop with many subscriptions goes: `python -m bench.stop [SUBSCRIPTIONS]`.

Phones subscribe, the server (`on_stop: deactivate`) gets SIGTERM, and while it tells them, a phone
asks every few milliseconds. Prints how long the stop took, how many were told, and how long answers
took before and meanwhile.
"""

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.load import Phones, answer
from bench.server import Served

SUBSCRIPTIONS = 20_000
ASK_EVERY = 0.005
"""Seconds between two requests whose answers are timed."""
_OPTIONS = (
    b"OPTIONS sip:u0@bench.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%d\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:u0@bench.test>;tag=o\r\nTo: <sip:u0@bench.test>\r\n"
    b"Call-ID: o-%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r]*)")


def waits(server: tuple[str, int], going: Callable[[], bool]) -> list[float]:
    """How long each answer took, ms, while it goes on."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(server)
        phone.settimeout(1)
        port, number = phone.getsockname()[1], time.time_ns()
        while going():
            number += 1
            begin = time.perf_counter()
            try:
                phone.send(_OPTIONS % (port, number, number))
                phone.recv(65_535)
            except OSError:  # It is gone, and so is its last answer.
                continue
            found.append((time.perf_counter() - begin) * 1000)
            time.sleep(ASK_EVERY)
    return found


def listen(phones: Phones, told: set[bytes], done: threading.Event) -> None:
    """Answer NOTIFYs, and keep the Call-IDs of subscriptions that were ended."""
    phones.socket.settimeout(0.2)
    while not done.is_set():
        with contextlib.suppress(OSError):
            data = phones.socket.recv(65_535)
            if b"reason=deactivated" in data:
                found = _CALL_ID.search(data)
                assert found is not None
                told.add(found[1])
            phones.socket.send(answer(data))


def measure(served: Served, subscriptions: int) -> dict[str, object]:
    """Subscribe, stop, watch."""
    phones = Phones(served.sip)
    phones.run((phones.message(n, 1, users=subscriptions) for n in range(subscriptions)), 64)
    end = time.monotonic() + 3
    before = waits(served.sip, lambda: time.monotonic() < end)
    told: set[bytes] = set()
    done = threading.Event()
    listener = threading.Thread(target=listen, args=(phones, told, done))
    listener.start()
    begin = time.monotonic()
    os.kill(served.pid, signal.SIGTERM)
    meanwhile = waits(served.sip, lambda: served.process.poll() is None)
    took = time.monotonic() - begin
    time.sleep(0.5)
    done.set()
    listener.join()
    return {
        "subscriptions": subscriptions,
        "stop_s": round(took, 2),
        "told": len(told),
        "answer_ms_before": spread(before),
        "answer_ms_meanwhile": spread(meanwhile),
    }


def spread(values: list[float]) -> dict[str, float]:
    """p50, p99 and the worst."""
    cuts = statistics.quantiles(values, n=100)
    return {
        "p50": round(cuts[49], 2),
        "p99": round(cuts[98], 2),
        "max": round(max(values), 2),
    }


def main() -> None:
    """Measure, and print JSON."""
    subscriptions = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIPTIONS
    told = "presence: {on_stop: deactivate}\n"
    with tempfile.TemporaryDirectory() as folder, Served(Path(folder), more=told) as served:
        print(json.dumps(measure(served, subscriptions), indent=1))


if __name__ == "__main__":
    main()
