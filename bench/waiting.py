"""How long a phone waits: of many at half of the highest rate, and alone."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from bench.figures import LONE, Side

AT_ONCE = 50
"""Cycles under way while the highest rate is measured."""
HIGHEST = 5_000
"""Cycles by which it is."""
SECONDS = 2.0
"""For which half of it is asked."""
SETS = 40
"""That come alone."""
_PAGE = b"\x5a" * 4_096


class Latency(NamedTuple):
    """Of new subscriptions at half of the highest rate, until the 200."""

    per_second: float
    """The highest rate: new subscriptions, 50 always under way."""
    p50: float
    """ms."""
    p99: float
    """ms."""


class Lone(NamedTuple):
    """Of sets that come alone, 20 a second; medians, ms."""

    answered: float
    told: float
    sync: float
    """One fdatasync of a page, with nothing else to do: between two sets each."""


def latency(side: Side) -> Latency:
    """Measure it."""
    messages = list(side.fresh(HIGHEST))
    begin = time.perf_counter()
    side.phones.run(messages, AT_ONCE)
    highest = HIGHEST / (time.perf_counter() - begin)
    rate = highest / 2
    side.phones.paced(list(side.fresh(int(rate * SECONDS))), rate)
    cuts = _percentiles([wait.answered for wait in side.phones.waits])
    return Latency(highest, cuts[49], cuts[98])


def lone(side: Side, folder: Path) -> Lone:
    """Measure it; the page that is synced is in `folder`."""
    messages = list(side.sets(SETS))
    answered, told, syncs = [], [], []
    begin = time.perf_counter()
    file = os.open(folder / "page", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for turn, message in enumerate(messages):
            _sleep_until(begin + turn / LONE)
            side.phones.paced([message], LONE)
            [wait] = side.phones.waits
            answered.append(wait.answered)
            told.append(wait.told)
            _sleep_until(begin + (turn + 0.5) / LONE)
            os.pwrite(file, _PAGE, turn % 16 * len(_PAGE))
            before = time.perf_counter()
            os.fdatasync(file)
            syncs.append((time.perf_counter() - before) * 1e3)
    finally:
        os.close(file)
    return Lone(median(answered), median(told), median(syncs))


def _sleep_until(then: float) -> None:
    time.sleep(max(0.0, then - time.perf_counter()))


def _percentiles(values: Sequence[float]) -> list[float]:
    return quantiles(values, n=100)
