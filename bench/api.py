"""A phone beside a busy HTTP API: `python -m bench.api [SECONDS [RATE [SUBSCRIPTIONS]]]`.

Another process sends RATE requests a second (200) for SECONDS (10): most of them look at a user,
some set a feature, list users, subscriptions or decisions. Meanwhile phones set their features, and
SUBSCRIPTIONS (100,000) others are there. Each time is measured between two without the API.
Bar: p99 of a set at most 1.3 times what it is without.
"""

import http.client
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.figures import WINDOW
from bench.flood import Setters, figures, measure
from bench.load import Phones
from bench.server import RESULTS, Served, cpu_seconds

ROUNDS = 5
ASKERS = 4
"""Connections on which requests come."""
_JSON = {"Content-Type": "application/json"}
_PAGE = "/v1/presentities/sip:user{}@bench.example"
MIX = (
    *[("GET", _PAGE, None)] * 12,
    ("PUT", f"{_PAGE}/features/DoNotDisturb", '{"status": "on"}'),
    ("PUT", f"{_PAGE}/features/DoNotDisturb", '{"status": "off"}'),
    *[("GET", "/v1/presentities?limit=100", None)] * 2,
    *[("GET", "/v1/subscriptions?limit=100", None)] * 2,
    ("GET", "/v1/decisions?limit=50&effect=deny", None),
    ("GET", "/v1/statistics", None),
)
"""Twenty requests; `{}` becomes a number."""


@contextmanager
def asking(address: str, rate: int) -> Iterator[Counter[str]]:
    """Requests by another process; afterwards the counter has how many got which status."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            _ask(address, rate, writer)
        finally:
            os._exit(0)
    os.close(writer)
    got: Counter[str] = Counter()
    try:
        yield got
    finally:
        os.kill(child, signal.SIGTERM)
        with os.fdopen(reader, "rb") as told:
            got.update(json.loads(told.read() or b"{}"))
        os.waitpid(child, 0)


def _ask(address: str, rate: int, told: int) -> None:
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    got: Counter[str] = Counter()
    every = ASKERS / rate
    threads = [
        threading.Thread(target=_asker, args=(address, every, number, is_over, got))
        for number in range(ASKERS)
    ]
    for thread in threads:
        thread.start()
    is_over.wait()
    for thread in threads:
        thread.join()
    os.write(told, json.dumps(got).encode())


def _asker(
    address: str, every: float, number: int, is_over: threading.Event, got: Counter[str]
) -> None:
    connection = http.client.HTTPConnection(address, timeout=10)
    due = time.monotonic() + every * number / ASKERS
    turn = number
    while not is_over.wait(max(0.0, due - time.monotonic())):
        method, path, body = MIX[turn % len(MIX)]
        connection.request(method, path.format(turn), body, _JSON if body else {})
        response = connection.getresponse()
        response.read()
        got[str(response.status)] += 1
        turn += ASKERS + 1
        due += every
    connection.close()


def main() -> None:
    """Measure with and without the API in turns; print JSON."""
    RESULTS.mkdir(exist_ok=True)
    given = list(map(int, sys.argv[1:]))
    seconds, rate, subscriptions = (*given, *(10, 200, 100_000)[len(given) :])
    more = 'http: {listen: "127.0.0.1:0", per_token: 10000/s}\n'
    with (
        tempfile.TemporaryDirectory(dir=RESULTS) as folder,
        Served(Path(folder), more=more) as served,
    ):
        others = Phones(served.sip)
        crowd = (others.message(n, 1, users=subscriptions) for n in range(subscriptions))
        others.run(crowd, WINDOW)
        phones = Setters(served.sip)
        measure(phones, 1)
        quiet, asked, cpu = [], [], []
        statuses: Counter[str] = Counter()
        for _ in range(ROUNDS):
            quiet.append(measure(phones, seconds))
            with asking(served.api, rate) as got:
                before, clock = cpu_seconds(served.pid), time.perf_counter()
                asked.append(measure(phones, seconds))
                cpu.append((cpu_seconds(served.pid) - before) / (time.perf_counter() - clock))
            statuses += got
        told = {
            "requests": round(sum(statuses.values()) / ROUNDS / seconds),
            "statuses": dict(statuses),
            "server_cpu": round(median(cpu), 2),
            "quiet": figures(quiet),
            "asked": figures(asked),
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main()
