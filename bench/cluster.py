"""Three nodes on one PostgreSQL: `python -m bench.cluster [SUBSCRIPTIONS]`.

Starts PostgreSQL (with fsync) and three servers, and prints JSON:

- `sets`: phones press keys at one node, 1, 20 or 200 at a time: sets a second, how long an answer
  takes, and the CPU that a set takes on the node and in the engine;
- `told_elsewhere`: phones press keys at one node, so many a second; how long it takes, from when a
  phone asks, until a watcher at another node has its NOTIFY;
- `adoptions`: phones whose dialogs one node has refresh them at another, 1, 20, 200 or 1,000 at a
  time, as they do when their connections to a node have broken: dialogs a second, and how long an
  answer takes;
- `kill`: a node with SUBSCRIPTIONS over UDP is killed, and while nobody has them, features of some
  users are changed: when all are owned again, and when those changes were told.

All share the machine with the phones.
"""

import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from bench.load import Phones, answer
from bench.server import RESULTS, cpu_seconds
from tests.helpers.fleet import Fleet, Node, fleet
from tests.helpers.postgres import Cluster, cluster

SUBSCRIPTIONS = 100_000
SECONDS = 8.0
SETTERS = 2_000
"""Phones that press keys, each of a user of its own."""
RATES = (100, 1_000)
MISSED = 100
"""Users of whom something is changed while nobody has their dialogs."""
MOVE_AT_LEAST, MOST_MOVE = 400, 10_000
"""Phones that go to another node."""
BEHIND = 3.0
"""Seconds after which all that is written behind is written."""
SETTLES = 45.0
"""Seconds after which nobody doubts any more that a first NOTIFY has arrived."""
WINDOW = 64
_SET = (
    b'<?xml version="1.0" encoding="UTF-8"?><SetForwarding xmlns="http://www.ecma-international.org/'
    b'standards/ecma-323/csta/ed3"><device/><forwardDN>%d</forwardDN><forwardingType>forwardImmediate'
    b"</forwardingType><activateForward>true</activateForward></SetForwarding>"
)


def _spread(seconds: list[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100)
    return {"p50_ms": round(cuts[49] * 1e3, 1), "p99_ms": round(cuts[98] * 1e3, 1)}


def _engine_cpu(engine: Cluster) -> float:
    """Of all processes of PostgreSQL, s; those that have ended count with the first one."""
    return sum(map(cpu_seconds, engine.processes()))


class _Setters:
    """Phones whose users' keys are pressed, so many at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.phones = Phones(node.sip)
        first = (self.phones.message(n, 1, users=SETTERS) for n in range(SETTERS))
        self.phones.run(first, WINDOW)
        self._cseq = 1
        self._target = time.time_ns() // 1_000_000 * 1_000_000

    def press(self) -> Iterator[tuple[int, bytes]]:
        """SUBSCRIBEs, each by another phone, with a number that nobody had before."""
        while True:
            self._cseq += 1
            for number in range(SETTERS):
                self._target += 1
                body = _SET % self._target
                yield self._target, self.phones.message(number, self._cseq, body, users=SETTERS)


def measure_sets(setters: _Setters, node: Node, engine: Cluster, waiting: int) -> dict[str, object]:
    """Sets with so many at a time."""
    presses = setters.press()
    asked: dict[bytes, float] = {}
    took: list[float] = []
    sock = setters.phones.socket
    here, there = cpu_seconds(node.server.pid), _engine_cpu(engine)
    begun = time.perf_counter()
    ends, under_way = begun + SECONDS, 0
    while under_way or time.perf_counter() < ends:
        while under_way < waiting and time.perf_counter() < ends:
            _, message = next(presses)
            asked[_call_of(message)] = time.perf_counter()
            sock.send(message)
            under_way += 1
        data = sock.recv(65_535)
        if data.startswith(b"NOTIFY"):
            sock.send(answer(data))
            continue
        assert data.startswith(b"SIP/2.0 200"), data
        took.append(time.perf_counter() - asked.pop(_call_of(data)))
        under_way -= 1
    elapsed = time.perf_counter() - begun
    return {
        "sets_a_second": round(len(took) / elapsed),
        **_spread(took),
        "node_us": round((cpu_seconds(node.server.pid) - here) / len(took) * 1e6),
        "engine_us": round((_engine_cpu(engine) - there) / len(took) * 1e6),
    }


def _call_of(message: bytes) -> bytes:
    return message.split(b"\r\nCall-ID: ", 1)[1].split(b"\r\n", 1)[0]


class _Watchers(threading.Thread):
    """Phones at a node, and when they were told which target."""

    def __init__(self, node: Node, users: int) -> None:
        super().__init__(daemon=True)
        self._phones = Phones(node.sip)
        first = (self._phones.message(n, 1, users=users) for n in range(users))
        self._phones.run(first, WINDOW)
        self._is_over = threading.Event()
        self.told: dict[int, float] = {}

    def run(self) -> None:
        """Listen until it is ended."""
        sock = self._phones.socket
        sock.settimeout(0.2)
        while not self._is_over.is_set():
            try:
                data = sock.recv(65_535)
            except OSError:
                continue
            now = time.perf_counter()
            sock.send(answer(data))
            _, _, rest = data.partition(b"<forwardTo>")
            if rest:
                self.told.setdefault(int(rest.partition(b"<")[0]), now)

    def end(self) -> None:
        """Listen no more."""
        self._is_over.set()
        self.join()


def measure_told(setters: _Setters, nodes: list[Node], rate: int) -> dict[str, object]:
    """Sets at this rate at the first node, watched at the second."""
    watchers = _Watchers(nodes[1], SETTERS)
    watchers.start()
    presses = setters.press()
    asked: dict[int, float] = {}
    sock = setters.phones.socket
    sock.settimeout(0.001)
    begun = time.perf_counter()
    while (now := time.perf_counter()) < begun + SECONDS:
        while len(asked) < (now - begun) * rate:
            target, message = next(presses)
            asked[target] = time.perf_counter()
            sock.send(message)
        _answer_one(sock)
    sock.settimeout(0.5)
    while _answer_one(sock):
        pass
    sock.settimeout(5)
    watchers.end()
    waits = [at - asked[target] for target, at in watchers.told.items() if target in asked]
    elapsed = max(watchers.told.values()) - begun
    missing = len(asked) - len(waits)
    return {"told_a_second": round(len(waits) / elapsed), **_spread(waits), "untold": missing}


def _answer_one(sock: socket.socket) -> bool:
    """Answer a NOTIFY if there is one; whether something came."""
    try:
        data = sock.recv(65_535)
    except OSError:
        return False
    if data.startswith(b"NOTIFY"):
        sock.send(answer(data))
    return True


def measure_adoptions(nodes: list[Node], waiting: int) -> dict[str, object]:
    """Phones of the second node refresh at the third, so many at a time."""
    one, other = nodes[1:]
    count = min(MOST_MOVE, max(MOVE_AT_LEAST, waiting * 20))
    phones = Phones(one.sip)
    phones.run((phones.message(n, 1, users=SETTERS) for n in range(count)), WINDOW)
    time.sleep(BEHIND)
    sock = phones.socket
    sock.connect(other.sip)
    asked: dict[bytes, float] = {}
    took: list[float] = []
    begun, next_one = time.perf_counter(), 0
    while len(took) < count:
        while next_one < count and len(asked) < waiting:
            message = phones.message(next_one, 2, users=SETTERS)
            asked[_call_of(message)] = time.perf_counter()
            sock.send(message)
            next_one += 1
        data = sock.recv(65_535)
        if data.startswith(b"NOTIFY"):
            sock.send(answer(data))
            continue
        assert data.startswith(b"SIP/2.0 200"), data
        took.append(time.perf_counter() - asked.pop(_call_of(data)))
    return {
        "dialogs": count,
        "adoptions_a_second": round(count / (time.perf_counter() - begun)),
        **_spread(took),
    }


class _Idle(threading.Thread):
    """Phones that do nothing but answer, whichever node tells them; and when they heard."""

    def __init__(self, node: Node, count: int) -> None:
        super().__init__(daemon=True)
        self.phones = Phones(node.sip)
        self.phones.run((self.phones.message(n, 1, users=count) for n in range(count)), WINDOW)
        # They hear every node: their socket is not connected any more.
        port = self.phones.port
        self.phones.socket.close()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_000_000)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(0.2)
        self._is_over = threading.Event()
        self.told: dict[int, float] = {}
        """User → when a phone was told that do not disturb is on."""
        self.notifies = 0

    def run(self) -> None:
        """Listen until it is ended."""
        while not self._is_over.is_set():
            try:
                data, source = self._socket.recvfrom(65_535)
            except OSError:
                continue
            now = time.perf_counter()
            self._socket.sendto(answer(data), source)
            self.notifies += 1
            if b"<doNotDisturbOn>true" in data:
                self.told.setdefault(int(_call_of(data).partition(b"-")[0]), now)

    def end(self) -> None:
        """Listen no more."""
        self._is_over.set()
        self.join()


def measure_kill(nodes: list[Node], subscriptions: int) -> dict[str, object]:
    """Kill the first node."""
    victim, one, other = nodes
    begun = time.perf_counter()
    phones = _Idle(victim, subscriptions)
    subscribed = time.perf_counter() - begun
    phones.start()
    time.sleep(SETTLES)
    before = _taken(one) + _taken(other)
    victim.kill()
    killed = time.perf_counter()
    for number in range(MISSED):
        user = number * subscriptions // MISSED
        (one, other)[number % 2].set(f"sip:u{user}@bench.test", "DoNotDisturb", on=True)
    changed = time.perf_counter()
    while _taken(one) + _taken(other) - before < subscriptions:
        assert time.perf_counter() - killed < 120
        time.sleep(0.05)
    owned = time.perf_counter()
    while len(phones.told) < MISSED:
        assert time.perf_counter() - killed < 120, len(phones.told)
        time.sleep(0.01)
    told = max(phones.told.values())
    time.sleep(2)
    phones.end()
    return {
        "subscriptions": subscriptions,
        "subscribed_s": round(subscribed, 1),
        "all_owned_after_s": round(owned - killed, 2),
        "changed_meanwhile": MISSED,
        "changed_within_s": round(changed - killed, 2),
        "all_told_after_s": round(told - killed, 2),
        "notifies": phones.notifies,
    }


def _taken(node: Node) -> int:
    return sum(one["subscriptions"] for one in node.said("cluster_taken_over"))


def measure(nodes: Fleet, engine: Cluster, subscriptions: int) -> dict[str, object]:
    """All figures."""
    node = nodes.nodes[0]
    setters = _Setters(node)
    sets = {f"{n}_waiting": measure_sets(setters, node, engine, n) for n in (1, 20, 200)}
    print(json.dumps(sets), file=sys.stderr, flush=True)
    told = {f"{rate}_a_second": measure_told(setters, nodes.nodes, rate) for rate in RATES}
    print(json.dumps(told), file=sys.stderr, flush=True)
    adoptions = {f"{n}_waiting": measure_adoptions(nodes.nodes, n) for n in (1, 20, 200, 1_000)}
    print(json.dumps(adoptions), file=sys.stderr, flush=True)
    return {
        "sets": sets,
        "told_elsewhere": told,
        "adoptions": adoptions,
        "kill": measure_kill(nodes.nodes, subscriptions),
    }


def main() -> None:
    """Measure, and print JSON."""
    subscriptions = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIPTIONS
    RESULTS.mkdir(exist_ok=True)
    with cluster() as engine, tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        engine.stop()
        engine.start("fsync=on")
        with fleet(Path(folder), engine.url(engine.create()), 3) as nodes:
            print(json.dumps(measure(nodes, engine, subscriptions), indent=1))


if __name__ == "__main__":
    main()
