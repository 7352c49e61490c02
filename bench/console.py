"""What open consoles cost: `python -m bench.console [SUBSCRIPTIONS [SECONDS]]`.

With SUBSCRIPTIONS (100,000) live ones and as many decisions as are kept, each page is open for
SECONDS (20) in Chromium, with 20 sets a second: how late was the loop? Then phones set features,
100 a second, with no console and with ten at Overview: how much of a CPU does the server take? The
browser has the other CPU. Bar: no look is more than 5 ms late.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.figures import SET_FORWARDING, WINDOW
from bench.lateness import late
from bench.load import Phones
from bench.server import RESULTS, Served, cpu_seconds

SUBSCRIPTIONS, SECONDS = 100_000, 20
CONSOLES, RATE, CALM = 10, 100, 20
"""How many, and how many sets a second; the last one while a page is measured."""
BAR = 0.005
"""Seconds."""
USERS = 10**9
PAGES = (
    "overview",
    "presentities",
    "presentities/sip:user1@bench.example",
    "decisions",
    "policies",
    "playground",
    "trace/sip:user1@bench.example",
    "integrations",
)


class Pressed:
    """Phones that set features: where nobody waits, the server does not look how late it is."""

    def __init__(self, served: Served) -> None:
        self.phones = Phones(served.sip)
        self._cseqs = count(2)

    def fill(self, subscriptions: int) -> None:
        """Subscribe."""
        every = range(subscriptions)
        made = (self.phones.message(one, 1, users=USERS, expires=3600) for one in every)
        self.phones.run(made, WINDOW)

    def press(self, rate: int, seconds: float) -> None:
        """Set features."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            cseq = next(self._cseqs)
            messages = [
                self.phones.message(one, cseq, SET_FORWARDING % (one * 10_000 + cseq), users=USERS)
                for one in range(rate)
            ]
            self.phones.paced(messages, rate)


def looks(before: dict[float, int], after: dict[float, int]) -> dict[str, float]:
    """How many looks there were, and how many were late by how much."""
    found = {bound: number - before[bound] for bound, number in after.items()}
    every = found[float("inf")]
    worst = min(bound for bound, number in found.items() if number == every)
    return {"looks": every, "over_5_ms": every - found[BAR], "worst_at_most_ms": worst * 1000}


@contextmanager
def opened(chromium: Browser, url: str, consoles: int = 1) -> Iterator[None]:
    """Pages that somebody looks at, each in a window of its own."""
    contexts = [chromium.new_context() for _ in range(consoles)]
    for context in contexts:
        page = context.new_page()
        page.goto(url)
        page.get_by_role("heading", level=1).wait_for()
    yield
    for context in contexts:
        context.close()


def measure(served: Served, subscriptions: int, seconds: int) -> dict[str, Any]:
    """Fill it, then look at each page."""
    phones = Pressed(served)
    phones.fill(subscriptions)
    at = f"http://{served.api}/console/#/"

    def share() -> float:
        """CPU of the server while phones set features, in percent of one."""
        cpu, begun = cpu_seconds(served.pid), time.monotonic()
        phones.press(RATE, seconds)
        return round((cpu_seconds(served.pid) - cpu) / (time.monotonic() - begun) * 100, 1)

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        told: dict[str, Any] = {}
        for page in (None, *PAGES):
            before = late(served)
            with opened(chromium, f"{at}{page}", int(page is not None)):
                phones.press(CALM, seconds)
                told[page or "no page"] = looks(before, late(served))
        told["cpu_percent"] = {0: share()}
        with opened(chromium, f"{at}overview", CONSOLES):
            told["cpu_percent"][CONSOLES] = share()
        chromium.close()
    return told


def main() -> None:
    """Measure, and print JSON."""
    given = list(map(int, sys.argv[1:]))
    subscriptions, seconds = (*given, *(SUBSCRIPTIONS, SECONDS)[len(given) :])
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RESULTS) as name:
        more = 'http: {listen: "127.0.0.1:0"}\n'
        with Served(Path(name), more=more) as served:
            print(json.dumps(measure(served, subscriptions, seconds), indent=1))


if __name__ == "__main__":
    main()
