"""Does the loop ever stand still? `python -m bench.lateness [SUBSCRIPTIONS [SECONDS]]`.

With SUBSCRIPTIONS (100,000) live ones, for SECONDS (600): phones subscribe, refresh, set and
unsubscribe, 400 a second; 2,000 subscriptions a minute expire within a second of each other; policy
files change, users of the API set features and look at pages of everything, metrics are scraped,
and the store is backed up. Prints the histogram of how late the loop was, by what the server says
itself, and how long answers took. Bar: no look is more than 10 ms late.

Beside it, on the server's CPU, another process does nothing but look: what is late there, too, is
the machine's, which has other work; or it waited while the server was at work.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

from bench.api import asking
from bench.figures import SET_FORWARDING, WINDOW
from bench.load import Phones
from bench.server import RESULTS, Served, on_its_own_cpu
from bench.soak import change, write_policies
from dfks_rules.app.lateness import BOUNDS, EVERY

SUBSCRIPTIONS = 100_000
SECONDS = 600
RATE = 400
"""Requests of phones a second."""
BAR = 0.01
"""Seconds."""
API_RATE = 20
"""Requests of operators a second."""
WAVE = 2_000
"""Subscriptions that expire at once."""
WAVE_EVERY = 60
"""Seconds; also how long they last, the least that the server grants."""
RELOAD_EVERY, SCRAPE_EVERY, BACKUP_EVERY = 10, 5, 60
"""Seconds."""
SLICE = RATE // 2
"""Requests that are made at once: half a second."""


def late(served: Served) -> dict[float, int]:
    """How many looks were late by at most so many seconds so far."""
    with urllib.request.urlopen(f"http://{served.api}/metrics", timeout=30) as response:
        text = response.read().decode()
    found = {}
    for line in text.splitlines():
        if line.startswith('dfks_loop_late_seconds_bucket{le="'):
            bound, _, number = line.partition('le="')[2].partition('"} ')
            found[float(bound)] = int(float(number))
    return found


def look_bare(seconds: float) -> None:
    """Look again and again, as the server does, and print how many were late by how much."""
    found = [0 for _ in (*BOUNDS, float("inf"))]
    ends = time.monotonic() + seconds
    while (due := time.monotonic() + EVERY) < ends:
        time.sleep(EVERY)
        late_by = time.monotonic() - due
        for place, bound in enumerate((*BOUNDS, float("inf"))):
            found[place] += late_by <= bound
    print(json.dumps(found), flush=True)


class Traffic:
    """What phones do, in turns."""

    def __init__(self, served: Served, subscriptions: int) -> None:
        self.phones = Phones(served.sip)
        self.waits: list[float] = []
        self._subscriptions = subscriptions
        self._cseqs = count(2)
        self._fresh = count(subscriptions)
        self._random = Random(1)  # noqa: S311 - which phones come next is no secret
        self._ending: list[int] = []

    def fill(self) -> None:
        """Subscribe."""
        users = range(self._subscriptions)
        self.phones.run((self._message(number, 1) for number in users), WINDOW)

    def go_on(self) -> None:
        """Half a second of it."""
        self.phones.paced(list(self._slice()), RATE)
        self.waits += [wait.answered for wait in self.phones.waits]

    def wave(self) -> None:
        """Subscriptions that nobody refreshes."""
        numbers = [next(self._fresh) for _ in range(WAVE)]
        self.phones.run((self._message(n, 1, expires=WAVE_EVERY) for n in numbers), WINDOW)

    def _slice(self) -> Iterator[bytes]:
        """A quarter each: refreshes, sets, new subscriptions and their ends."""
        cseq, quarter = next(self._cseqs), SLICE // 4
        chosen = self._random.sample(range(self._subscriptions), 2 * quarter)
        for number in chosen[:quarter]:
            yield self._message(number, cseq)
        for number in chosen[quarter:]:
            yield self._message(number, cseq, SET_FORWARDING % (number * 10_000 + cseq))
        fresh = [next(self._fresh) for _ in range(quarter)]
        yield from (self._message(number, 1) for number in fresh)
        # Their tags come within the slice: what ends is what began in the one before.
        yield from (self._message(number, 2, expires=0) for number in self._ending)
        self._ending = fresh

    def _message(self, number: int, cseq: int, body: bytes = b"", expires: int = 3600) -> bytes:
        return self.phones.message(number, cseq, body, users=10**9, expires=expires)


def every(
    seconds: float, act: Callable[[int], object], is_over: threading.Event
) -> threading.Thread:
    """Do it again and again, beside what else is done."""

    def run() -> None:
        for turn in count():
            if is_over.wait(seconds):
                return
            act(turn)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def measure(served: Served, folder: Path, subscriptions: int, seconds: int) -> dict[str, Any]:
    """Fill it, then all at once."""
    traffic = Traffic(served, subscriptions)
    traffic.fill()
    is_over = threading.Event()

    def backup(_turn: int) -> None:
        dfks = [sys.executable, "-m", "dfks_rules", "store", "backup", "--force", "backup.db"]
        subprocess.run(
            [*dfks, "--config", "dfks.yaml"], cwd=folder, check=True, capture_output=True
        )

    before = late(served)
    code = f"from bench.lateness import look_bare; look_bare({seconds})"
    with on_its_own_cpu():
        bare = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    threads = [
        every(RELOAD_EVERY, lambda turn: change(folder / "policies", turn), is_over),
        every(SCRAPE_EVERY, lambda _turn: late(served), is_over),
        every(BACKUP_EVERY, backup, is_over),
    ]
    begin = time.monotonic()
    with asking(served.api, API_RATE) as asked:
        waved = 0
        while (now := time.monotonic() - begin) < seconds:
            if now >= waved * WAVE_EVERY:
                waved += 1
                traffic.wave()
            traffic.go_on()
    is_over.set()
    for thread in threads:
        thread.join()
    looks = {bound: number - before.get(bound, 0) for bound, number in late(served).items()}
    beside = dict(zip(looks, json.loads(bare.communicate()[0]), strict=True))
    cuts = quantiles(traffic.waits, n=1000)
    return {
        "subscriptions": subscriptions,
        "seconds": seconds,
        "api": dict(asked),
        "answered_ms": {
            "p50": round(cuts[499], 2),
            "p99": round(cuts[989], 2),
            "p999": round(cuts[998], 2),
            "max": round(max(traffic.waits), 2),
        },
        "looks": looks[float("inf")],
        "looks_late_by_at_most_s": looks,
        "over_10_ms": looks[float("inf")] - looks[BAR],
        "beside_late_by_at_most_s": beside,
        "beside_over_10_ms": beside[float("inf")] - beside[BAR],
    }


def run(subscriptions: int, seconds: int) -> dict[str, Any]:
    """Measure a server of its own."""
    with tempfile.TemporaryDirectory(dir=RESULTS) as name:
        folder = Path(name)
        write_policies(folder / "policies")
        more = 'http: {listen: "127.0.0.1:0", per_token: 10000/s}\n'
        more += f'decisions: {{file: "{folder}/decisions.jsonl"}}\n'
        with Served(folder, folder / "policies", more) as served:
            return measure(served, folder, subscriptions, seconds)


def main() -> None:
    """Measure, and print JSON."""
    given = list(map(int, sys.argv[1:]))
    subscriptions, seconds = (*given, *(SUBSCRIPTIONS, SECONDS)[len(given) :])
    RESULTS.mkdir(exist_ok=True)
    result = run(subscriptions, seconds)
    print(json.dumps(result, indent=1))
    if result["over_10_ms"]:
        sys.exit(f"{result['over_10_ms']} looks were more than 10 ms late")


if __name__ == "__main__":
    main()
