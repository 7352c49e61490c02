"""Mixed traffic at half the highest rate: `python -m bench.soak [SECONDS]`. Does anything grow?

Phones subscribe, refresh, press keys and unsubscribe, operators set features, sets follow from
sets, policy files change every two seconds (every tenth time into something broken), decisions are
logged and the log is rotated; twenty times a second, a phone by TCP or TLS or a client of the HTTP
API comes and goes. The highest rate is measured first. Ends with status 1 when something
grows. Figures are in docs/topics/hot-reload.md.
"""

import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any, NamedTuple

from bench.guests import Guests
from bench.load import Phones, answer
from bench.server import REPOSITORY, Served, resident_bytes
from tests.helpers.certificates import authority

SECONDS = 1800
SAMPLE_EVERY = 10
RELOAD_EVERY = 2
WARM_UP = 120
"""Seconds until caches, transactions and threads are as many as they will be."""
PHONES = 500
FULL_SPEED = 10_000
"""Requests by which the highest rate is measured; half of it is no overload."""
WINDOW = 64
OPERATED_EVERY = 25
"""Requests for each set by an operator."""
GROWTH = 0.05
"""How much resident memory may grow after the warm-up: bounded records of the past fill up."""
COMES_AND_GOES = 5
"""How many descriptors or tasks may be more: a guest has some, and a reload."""
EXAMPLES = ("exclusive-features", "toll-fraud", "storm-control")
_CHANGING = """\
apiVersion: dfks/v1
kind: Policy
metadata: {{name: changing}}
rules:
  - id: refused-now-and-then
    when: {{op: set, user: {user}, userAgent: bench}}
    then: {{deny: {reason}}}
  - id: mirror
    when: {{op: set, feature: DoNotDisturb, user: u1, origin: {{ne: internal}}}}
    then: {{also: [{{feature: DoNotDisturb, user: u2, status: request}}]}}
"""

_LISTEN = 'listen: ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"]'


def write_policies(folder: Path) -> None:
    """The default policies, three examples, and the file that changes."""
    folder.mkdir()
    shutil.copy(REPOSITORY / "policies/default/policy.yaml", folder / "default.yaml")
    for name in EXAMPLES:
        for file in (REPOSITORY / "policies/examples" / name).glob("[!c]*.yaml"):
            shutil.copy(file, folder / f"{name}-{file.name}")
    change(folder, 0)


def change(folder: Path, number: int) -> None:
    """Put another file in place of the one that changes."""
    text = _CHANGING.format(user=f"u{number % PHONES}", reason=f"reason-{number}")
    if number % 10 == 9:
        text = text.replace("when:", "what:")
    (folder / ".changing").write_text(text, encoding="utf-8")
    (folder / ".changing").replace(folder / "changing.yaml")


class Request(NamedTuple):
    """A SUBSCRIBE."""

    phone: int
    body: bytes = b""
    expires: int = 3600
    new: bool = False
    """Whether it makes a dialog."""


def requests() -> Iterator[Request]:
    """What phones do, without end: subscribe, press a key, refresh, unsubscribe."""
    for turn in count():
        yield from (Request(phone, new=True) for phone in range(PHONES))
        yield from (Request(phone, dnd(on=turn % 2 == 0)) for phone in range(PHONES))
        yield from (Request(phone) for phone in range(PHONES))
        yield from (Request(phone, expires=0) for phone in range(PHONES))


def dnd(*, on: bool) -> bytes:
    """The document that asks for do not disturb."""
    return (
        b'<SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">'
        b"<device/><doNotDisturbOn>%b</doNotDisturbOn></SetDoNotDisturb>"
    ) % (b"true" if on else b"false")


class Traffic:
    """Phones and an operator; answers whatever the server sends."""

    def __init__(self, served: Served) -> None:
        self.phones = Phones(served.sip)
        self.mi = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.mi.connect(served.mi)
        self.mi.settimeout(10)
        self.answered: dict[str, int] = {}
        self.responses = 0
        self._requests = requests()
        self._cseq = 0

    def message(self) -> bytes:
        """The next request of some phone."""
        phone, body, expires, new = next(self._requests)
        if new:
            self.phones.tags.pop(phone, None)
        self._cseq += 1
        return self.phones.message(phone, self._cseq, body, expires=expires)

    def highest_rate(self) -> float:
        """Requests a second that are answered when 64 are always under way."""
        begin = time.monotonic()
        for number in range(FULL_SPEED):
            self.phones.socket.send(self.message())
            while number - self.responses >= WINDOW:
                self._take(self.phones.socket.recv(65_535))
        return FULL_SPEED / (time.monotonic() - begin)

    def listen(self, until: float) -> None:
        """Answer what has come, and what comes until then."""
        while True:
            self.phones.socket.settimeout(max(0.0, until - time.monotonic()))
            try:
                self._take(self.phones.socket.recv(65_535))
            except (TimeoutError, BlockingIOError):
                if time.monotonic() >= until:
                    return

    def _take(self, data: bytes) -> None:
        """Answer a NOTIFY, count a response."""
        if data.startswith(b"NOTIFY"):
            self.phones.socket.settimeout(5)
            self.phones.socket.send(answer(data))
            kind = "NOTIFY"
        else:
            kind = data[8:11].decode()
            self.responses += 1
            self.phones.learn(data)
        self.answered[kind] = self.answered.get(kind, 0) + 1

    def close(self) -> None:
        """No more traffic."""
        self.phones.socket.close()
        self.mi.close()

    def operate(self, method: str, *params: object) -> Any:
        """One MI call, and its result or error."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.mi.send(json.dumps(call).encode())
        reply = json.loads(self.mi.recv(65_535))
        return reply.get("result", reply.get("error"))


def sample(served: Served, traffic: Traffic) -> dict[str, int]:
    """What a leak would make grow."""
    process = Path(f"/proc/{served.pid}")
    children = [(thread / "children").read_text() for thread in (process / "task").iterdir()]
    return {
        "rss_kb": resident_bytes(served.pid) // 1024,
        "fds": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
        "tasks": int(traffic.operate("get_statistics", ["core:tasks"])["core:tasks"]),
        "children": len(" ".join(children).split()),
    }


def soak(served: Served, traffic: Traffic, folder: Path, log: Path, seconds: int) -> dict[str, Any]:
    """Traffic for so long; samples, and what was counted."""
    rate = traffic.highest_rate() / 2
    statuses = cycle((1, 0))
    samples: list[dict[str, int]] = []
    start = time.monotonic()
    reloads = sampled = 0
    for number in count():
        now = time.monotonic()
        if now - start >= seconds:
            break
        traffic.phones.socket.send(traffic.message())
        if number % OPERATED_EVERY == 0:
            user = f"sip:u{number // OPERATED_EVERY % PHONES}@bench.test"
            traffic.operate("dfks_set_feature", user, "DoNotDisturb", next(statuses))
        if now - start >= reloads * RELOAD_EVERY:
            reloads += 1
            change(folder, reloads)
        if now - start >= sampled * SAMPLE_EVERY:
            sampled += 1
            samples.append({"at": round(now - start), **sample(served, traffic)})
            print(json.dumps(samples[-1]), file=sys.stderr, flush=True)
            if log.exists():
                log.replace(log.with_suffix(".1"))
        traffic.listen(start + number / rate)
    kept = [one for one in samples if one["at"] >= min(WARM_UP, seconds // 2)]
    return {
        "seconds": seconds,
        "per_second": round(rate),
        "changes_of_files": reloads,
        "answered": traffic.answered,
        "statistics": traffic.operate("get_statistics", ["all"]),
        "samples": kept,
        "grown": grown(kept),
    }


def grown(samples: list[dict[str, int]]) -> list[str]:
    """What is larger at the end than at the beginning."""
    third = max(1, len(samples) // 3)
    found = []
    for name in samples[0].keys() - {"at"}:
        first = max(one[name] for one in samples[:third])
        last = min(one[name] for one in samples[-third:])
        most = first * (1 + GROWTH) if name == "rss_kb" else first + COMES_AND_GOES
        if last > most:
            found.append(f"{name}: {first} → {last}")
    return found


def run(seconds: int) -> dict[str, Any]:
    """Soak a server of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name) / "policies", Path(name) / "decisions.jsonl"
        write_policies(folder)
        # What is kept of the past is soon as much as it will be.
        more = f'decisions: {{file: "{log}", keep: 100}}\n'
        more += f'reload: {{last_good: "{name}/last_good.json"}}\n'
        more += 'http: {listen: "127.0.0.1:0", per_token: 10000/s}\n'
        certificate, key = authority().files(Path(name), "localhost")
        sip = f'{_LISTEN}, tls: {{certificate: "{certificate}", key: "{key}"}}'
        with Served(Path(name), folder, more, sip=sip) as served:
            traffic, guests = Traffic(served), Guests(served)
            try:
                guests.start()
                return {**soak(served, traffic, folder, log, seconds), "guests": dict(guests.done)}
            finally:
                guests.end()
                traffic.close()


def main() -> None:
    """Soak, and print JSON."""
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
    print(json.dumps(result, indent=1))
    if result["grown"]:
        sys.exit(f"grown: {', '.join(result['grown'])}")


if __name__ == "__main__":
    main()
