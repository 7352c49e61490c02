"""A good phone beside a flood: `python -m bench.flood [SECONDS [RATE]] [--limits]`.

One address sends RATE datagrams a second (20,000) for SECONDS (5), while phones at another address
set their features. Each flood is measured between two times without one. Bars: p99 of a set at most
twice what it is without a flood, and no set that is still unanswered after it was sent again once.
"""

import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles

from bench.figures import SET_FORWARDING
from bench.load import Phones, answer
from bench.server import RESULTS, Served, cpu_seconds

LIMITS = "limits: {per_source: 200/s, per_user: 20/s}\n"
FLOODER, PHONE = "127.0.0.66", "127.0.0.1"
USERS = 20
"""Phones that set, one after the other: none is over the limit of one user."""
EVERY = 0.02
"""Seconds between two sets."""
AGAIN = 0.5
"""Seconds until an unanswered set is sent again (T1)."""
TICK = 0.002
"""Seconds between two bursts of the flood."""
ROUNDS = 3


class Setters(Phones):
    """Phones with a dialog each, which set their features in turn."""

    def __init__(self, server: tuple[str, int], source: str = PHONE) -> None:
        super().__init__(server)
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect(server)
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]
        self.first = random.randrange(10**9)  # noqa: S311 - no users that were there before
        self.cseq = 1
        for number in range(self.first, self.first + USERS):
            self.run(iter([self.message(number, 1, users=10**10)]), 1)

    def message(self, *args: object, **more: object) -> bytes:
        """As `Phones.message`, at this address."""
        text = super().message(*args, **more)  # type: ignore[arg-type]
        host = self.socket.getsockname()[0].encode()
        return text.replace(b"127.0.0.1", host)

    def set(self, turn: int) -> bytes:
        """The next set of the phone whose turn it is."""
        self.cseq += 1
        return self.message(
            self.first + turn % USERS,
            self.cseq,
            SET_FORWARDING % (turn * 7 + self.cseq),
            users=10**10,
        )


def measure(phones: Setters, seconds: float) -> dict[str, list[float]]:
    """Set for a while; times until the 200 came, ms, and how many had to be sent again, or more."""
    took: list[float] = []
    again = lost = 0.0
    ends = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < ends:
        data = phones.set(turn)
        turn += 1
        began = time.perf_counter()
        phones.socket.send(data)
        deadline, sent = began + AGAIN, 1
        while True:
            if _answered(phones.socket, deadline, b"CSeq: %d SUBSCRIBE" % phones.cseq):
                took.append((time.perf_counter() - began) * 1000)
                break
            if sent == 2:
                lost += 1
                break
            phones.socket.send(data)
            again += 1
            sent, deadline = 2, deadline + 2 * AGAIN
        pause = time.perf_counter() + EVERY
        while (left := pause - time.perf_counter()) > 0:
            _answered(phones.socket, time.perf_counter() + left, b"nothing")
    return {"took": took, "again": [again], "lost": [lost]}


def _answered(phone: socket.socket, deadline: float, cseq: bytes) -> bool:
    """Whether the response came in time; NOTIFYs that come meanwhile are answered."""
    while (left := deadline - time.perf_counter()) > 0:
        if not select.select([phone], [], [], left)[0]:
            return False
        data = phone.recv(65_535)
        if data.startswith(b"NOTIFY"):
            phone.send(answer(data))
        elif cseq in data:
            return data.startswith(b"SIP/2.0 200")
    return False


def junk(_: Setters) -> Iterator[bytes]:
    """Bytes that mean nothing."""
    pieces = [os.urandom(400) for _ in range(100)]
    while True:
        yield from pieces


def wrong_event(phones: Setters) -> Iterator[bytes]:
    """SUBSCRIBEs to another package."""
    number = 0
    while True:
        number += 1
        yield phones.message(number, 1).replace(b"as-feature-event", b"presence")


def invented(phones: Setters) -> Iterator[bytes]:
    """Valid SUBSCRIBEs of users that nobody has."""
    number = phones.first * 1000
    while True:
        number += 1
        yield phones.message(number, 1, users=10**15)


def sets(phones: Setters) -> Iterator[bytes]:
    """Sets in dialogs of its own."""
    turn = 0
    while True:
        turn += 1
        yield phones.set(turn)


FLOODS: dict[str, Callable[[Setters], Iterator[bytes]]] = {
    "junk": junk,
    "wrong_event": wrong_event,
    "invented": invented,
    "sets": sets,
}


@contextmanager
def flooding(server: tuple[str, int], name: str, rate: int) -> Iterator[list[float]]:
    """A flood by another process; afterwards the list has the rate that it reached."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            _flood(server, name, rate, writer)
        finally:
            os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    reached: list[float] = []
    try:
        yield reached
    finally:
        os.kill(child, signal.SIGTERM)
        reached.append(float(os.read(reader, 100) or b"nan"))
        os.waitpid(child, 0)
        os.close(reader)


def _flood(server: tuple[str, int], name: str, rate: int, told: int) -> None:
    is_over: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: is_over.append(1))
    phones = Setters(server, FLOODER)
    messages = FLOODS[name](phones)
    phones.socket.settimeout(0)
    os.write(told, b"x")
    began = time.perf_counter()
    sent = 0
    while not is_over:
        due = int((time.perf_counter() - began) * rate) - sent
        for _ in range(min(due, rate // 20)):
            with suppress(OSError):
                phones.socket.send(next(messages))
            sent += 1
        with suppress(OSError):
            for _ in range(20):
                data = phones.socket.recv(65_535)
                if data.startswith(b"NOTIFY"):
                    phones.socket.send(answer(data))
        time.sleep(TICK)
    os.write(told, b"%.0f" % (sent / (time.perf_counter() - began)))


def main() -> None:
    """Measure each flood in turns with quiet; print JSON."""
    RESULTS.mkdir(exist_ok=True)
    numbers = [word for word in sys.argv[1:] if word.isdigit()]
    names = [word for word in sys.argv[1:] if word in FLOODS] or list(FLOODS)
    seconds, rate = (*map(int, numbers), *(5, 20_000)[len(numbers) :])
    more = LIMITS if "--limits" in sys.argv else ""
    for name in names:
        with (
            tempfile.TemporaryDirectory(dir=RESULTS) as folder,
            Served(Path(folder), more=more) as served,
        ):
            phones = Setters(served.sip)
            measure(phones, 1)
            quiet, flooded, reached, cpu = [], [], [], []
            for _ in range(ROUNDS):
                quiet.append(measure(phones, seconds))
                with flooding(served.sip, name, rate) as rates:
                    before, clock = cpu_seconds(served.pid), time.perf_counter()
                    flooded.append(measure(phones, seconds))
                    cpu.append((cpu_seconds(served.pid) - before) / (time.perf_counter() - clock))
                reached += rates
                time.sleep(1)
            print(
                json.dumps(
                    {
                        "flood": name,
                        "rate": round(median(reached)),
                        "server_cpu": round(median(cpu), 2),
                        "quiet": figures(quiet),
                        "flooded": figures(flooded),
                    }
                ),
                flush=True,
            )


def figures(rounds: list[dict[str, list[float]]]) -> dict[str, object]:
    """p50 and p99 of the times of several rounds, and how many sets were sent again or lost."""
    cuts = [quantiles(one["took"] or [0, 0], n=100) for one in rounds]
    return {
        "p50_ms": round(median(cut[49] for cut in cuts), 2),
        "p99_ms": round(median(cut[98] for cut in cuts), 2),
        "p99_by_round": [round(cut[98], 2) for cut in cuts],
        "sets": sum(len(one["took"]) for one in rounds),
        "sent_again": int(sum(one["again"][0] for one in rounds)),
        "lost": int(sum(one["lost"][0] for one in rounds)),
    }


if __name__ == "__main__":
    main()
