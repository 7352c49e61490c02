"""Asks a server everything that can be asked, and finds what holds its event loop."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from bench.load import Phones
from dfks_rules.web.api import TABLE
from tests.helpers.every_operation import Asking, asking
from tests.helpers.held import Held, held

MOST_MS = 5.0
"""No tick of the loop may be later."""
TRIES = 8
"""What holds the loop holds it each time; a busy machine does not."""
RULES = 300
_WINDOW = 64
_PIECE = 64 * 1024
_LISTENED = 0.2
"""Seconds for which a stream that goes on is listened to."""
_POLICY = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: p{0}}}\nrules:\n{1}"
_RULE = (
    "- {{id: r{0}, when: {{op: set, feature: DoNotDisturb, user: x{0}}}, then: {{deny: r{0}}}}}\n"
)
_NIGHT = "- {id: night, when: {op: get, time: {ge: '23:59'}}, then: {status: 1}}\n"
"""Reads a fact, so that each get is decided by itself."""
_CASES = """\
apiVersion: dfks/v1
kind: PolicyTest
policies: [p.yaml]
tests:
- {name: it is refused,
   given: {op: set, feature: DoNotDisturb, request.status: 1, user: x7},
   expect: {decision: deny, reason: r7}}
"""


class Slow(NamedTuple):
    """An operation that held the loop at each try."""

    operation: str
    status: int
    worst_ms: float
    measured: list[dict[str, Any]]


class Sip(threading.Thread):
    """A phone that asks for OPTIONS again and again, and counts answers."""

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._is_over = threading.Event()
        self.sent = self.answered = 0

    def run(self) -> None:
        """One request after the other, 5 ms after the last answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.connect(self._server)
            phone.settimeout(1.0)
            while not self._is_over.wait(0.005):
                self.sent += 1
                phone.send(self._request(phone.getsockname()[1]))
                try:
                    phone.recv(65_535)
                    self.answered += 1
                except TimeoutError:
                    continue

    def end(self) -> None:
        """Ask no more."""
        self._is_over.set()
        self.join()

    def _request(self, port: int) -> bytes:
        number = time.time_ns()
        return (
            b"OPTIONS sip:u0@bench.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;"
            b"branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:u0@bench.test>;tag=o\r\n"
            b"To: <sip:u0@bench.test>\r\nCall-ID: o-%d\r\nCSeq: 1 OPTIONS\r\n"
            b"Content-Length: 0\r\n\r\n"
        ) % (port, number, number)


@contextmanager
def crowded(folder: Path, subscriptions: int, decisions: int) -> Iterator[Held]:
    """A server with so many subscriptions, and a full ring of decisions."""
    policies = folder / "policies"
    policies.mkdir()
    rules = "".join(map(_RULE.format, range(RULES))) + _NIGHT
    (policies / "p.yaml").write_text(_POLICY.format(0, rules))
    config = {
        "sip": {"listen": ["udp:127.0.0.1:0"]},
        "http": {"listen": "127.0.0.1:0", "per_token": "100000/s"},
        "policies": [str(policies)],
        "reload": {"watch": False, "last_good": str(folder / "last_good.json")},
        "store": f"sqlite:{folder / 'dfks.db'}",
        "decisions": {"keep": decisions},
        "webhooks": {"allow_networks": ["127.0.0.0/8"]},
        "log": {"level": "error"},
    }
    with ExitStack() as opened, held(folder, config) as server:
        phones = Phones(server.sip)
        opened.callback(phones.socket.close)
        begun = range(subscriptions)
        phones.run((phones.message(n, 1, users=subscriptions) for n in begun), _WINDOW)
        # All that was read is told, and nothing is sent again.
        again = range(max(0, decisions - subscriptions))
        phones.run(
            (phones.message(n % subscriptions, 2 + n, users=subscriptions) for n in again), _WINDOW
        )
        yield server


def slow_operations(server: Held) -> list[Slow]:
    """Those operations of the table during which a tick of the loop is late, at every try."""
    latest = _ask(server, Asking("", "GET", "/v1/decisions?limit=1", None))[1]
    revision = _ask(server, Asking("", "GET", "/v1/policies", None))[1]
    known = {
        "aor": "sip:u1@bench.test",
        "feature": "DoNotDisturb",
        "id": json.loads(latest)["items"][0]["id"],
        "revision": json.loads(revision)["revision"],
    }
    hook = _ask(server, Asking("", "POST", "/v1/webhooks", BODIES["addWebhook"]))[1]
    hooks = known | {"id": json.loads(hook)["id"]}
    askings = [
        asking(one, hooks if one.path.startswith("/v1/webhooks") else known, BODIES)
        for one in sorted(TABLE, key=lambda one: one.method == "DELETE")
    ]
    askings += [Asking(path, "GET", path, None) for path in MORE]
    found = []
    sip = Sip(server.sip)
    sip.start()
    for one in askings:
        slow = _try(server, one, sip)
        if slow is not None:
            found.append(slow)
    sip.end()
    assert sip.answered == sip.sent, "a phone was not answered"
    return found


def _try(server: Held, one: Asking, sip: Sip) -> Slow | None:
    """Ask until no tick is late; None then."""
    tries = []
    for _ in range(TRIES):
        if one.operation == "reloadPolicies":
            with (server.folder / "policies" / "p.yaml").open("a") as policy:
                policy.write("# another revision\n")
        while True:
            server.measured()
            answered = sip.answered
            status, _ = _ask(server, one)
            if status != HTTPStatus.TOO_MANY_REQUESTS:
                break
            time.sleep(1.0)  # All requests together have a share of each second.
        while sip.answered < answered + 2:
            time.sleep(0.005)
            assert sip.is_alive()
        tries.append(server.measured())
        assert status < 500 or status in (501, 503), (one, status)
        if tries[-1]["worst_ms"] <= MOST_MS:
            return None
    return Slow(one.operation, status, min(one["worst_ms"] for one in tries), tries)


def _ask(server: Held, one: Asking) -> tuple[int, bytes]:
    """The status, and the body; of a stream that goes on, its beginning."""
    connection = HTTPConnection(*server.api, timeout=70)
    body = None if one.body is None else json.dumps(one.body)
    head = {} if one.body is None else {"Content-Type": "application/json"}
    try:
        connection.request(one.method, one.path, body, head)
        response = connection.getresponse()
        is_json = "json" in response.getheader("Content-Type", "")
        if response.chunked and not is_json:
            assert connection.sock is not None
            connection.sock.settimeout(_LISTENED)
            with suppress(TimeoutError):
                return response.status, response.read1(_PIECE)
            return response.status, b""
        return response.status, response.read()
    except HTTPException as error:
        message = f"{one.operation}: {error!r}"
        raise AssertionError(message) from error
    finally:
        connection.close()


_TEXT = _POLICY.format(1, "".join(map(_RULE.format, range(50))))
_FILES = [{"name": "p.yaml", "text": _TEXT}, {"name": "cases.yaml", "text": _CASES}]
_BIG = [
    {"name": f"p{n}.yaml", "text": _POLICY.format(n, "".join(map(_RULE.format, range(400))))}
    for n in range(20)
]
BODIES: dict[str, Any] = {
    "checkPolicies": {"files": _BIG},
    "evaluatePolicies": {"facts": {"op": "get", "feature": "DoNotDisturb"}},
    "testPolicies": {"files": _FILES},
    "comparePolicies": {"new": _FILES},
    "startShadow": {"files": _FILES[:1]},
    "addWebhook": {"url": "https://127.0.0.1:9/hook"},
    "setFeatures": {"DoNotDisturb": {"status": "on"}, "CallForwardingBusy": {"status": "off"}},
}
"""Bodies that have the server work."""
MORE = (
    "/v1/decisions?limit=500",
    "/v1/subscriptions?limit=500",
    "/v1/history?limit=500",
    "/v1/decisions?effect=deny&rule=nobody",
    "/v1/decisions?presentity=sip:nobody@bench.test",
    "/v1/presentities?limit=500",
    "/v1/presentities?on=DoNotDisturb&limit=500",
    "/v1/presentities/sip:u1@bench.test?as=phone",
)
"""Requests that go through much, beside one for each operation."""
