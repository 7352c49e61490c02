"""A flood from one address, and what is over a limit, at a real server on loopback."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN, Message, Ua, dnd, parse

pytestmark = pytest.mark.e2e

_FLOODER = "127.0.0.66"
_REQUEST = (
    "SUBSCRIBE sip:nobody{n}@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.66:9;rport;branch=z9hG4bKflood{n}\r\nMax-Forwards: 70\r\n"
    "From: <sip:nobody{n}@example.com>;tag=f\r\nTo: <sip:nobody{n}@example.com>\r\n"
    "Call-ID: flood-{n}\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:x@127.0.0.66:9>\r\n"
    "Event: {event}\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n"
)


@contextlib.contextmanager
def _flooder() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((_FLOODER, 0))
        yield one


def _press(phone: Ua, on: bool) -> None:
    """Set a feature, with every repeat that a phone would send."""
    phone.request(body=dnd(on))
    phone.accepted(phone.response())
    phone.notify()


def _count(server: Server, group: str) -> dict[str, int]:
    counts: dict[str, int] = server.mi("get_statistics", statistics=[group])["result"]
    return counts


def _read(phone: socket.socket) -> list[Message]:
    """What has come."""
    phone.settimeout(0.2)
    messages = []
    with contextlib.suppress(TimeoutError):
        while True:
            messages.append(parse(phone.recv(65_535)))
    return messages


def _logged(folder: Path, event: str) -> dict[str, object]:
    """The only line about it, once there is one."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        *lines, _ = (folder / "server.log").read_text().split("\n")
        log = [json.loads(line) for line in lines]
        if found := [one for one in log if one["event"] == event]:
            (line,) = found
            return dict(line)
        time.sleep(0.05)
    raise AssertionError(log)


@pytest.mark.parametrize(
    ("event", "limits"),
    [("presence", {}), ("as-feature-event", {}), ("as-feature-event", {"per_source": "50/s"})],
)
def test_phone_is_served_while_another_address_floods(
    tmp_path: Path, event: str, limits: dict[str, str]
) -> None:
    """20,000 datagrams, of which the server can only drop the most."""
    config = {"limits": limits} if limits else {}
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone, _flooder() as other:
        phone.subscribe()
        to = ("127.0.0.1", server.ports["udp"])
        for number in range(20_000):
            other.sendto(_REQUEST.format(n=number, event=event).encode(), to)
            if number % 2_000 == 1_000:
                _press(phone, number % 4_000 == 1_000)
        _press(phone, False)
        counts = _count(server, "transport:")
        if limits:
            assert counts["transport:rate_dropped"] > 10_000, counts
            line = _logged(tmp_path, "source_limited")
            assert (line["source"], line["limit"]) == (_FLOODER, "rate")


@pytest.mark.alone
def test_request_over_the_rate_of_its_address_gets_503_and_when_to_come_again(
    tmp_path: Path,
) -> None:
    """A few do; of the rest there is nothing to hear."""
    config = {"limits": {"per_source": "5/s", "per_user": "none"}}
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone, _flooder() as other:
        for number in range(100):
            data = _REQUEST.format(n=number, event="presence").encode()
            other.sendto(data, ("127.0.0.1", server.ports["udp"]))
        answers = _read(other)
        refused = [one for one in answers if one.status == 503]
        assert {one.start for one in refused} == {"SIP/2.0 503 Too many requests from this address"}
        assert all(2 <= int(one.headers["retry-after"]) < 10 for one in refused)
        assert 5 <= len([one for one in answers if one.status == 489]) <= 10
        counts = _count(server, "transport:")
        assert counts["transport:rate_refused"] == len(refused) >= 5
        assert counts["transport:rate_dropped"] == 100 - len(answers)
        phone.subscribe()


def test_connection_over_the_rate_waits_and_loses_nothing(tmp_path: Path) -> None:
    """Nobody would repeat what was dropped."""
    config = {"limits": {"per_source": "40/s"}}
    with serve(tmp_path, config) as server, Ua(server.ports["tcp"], transport="tcp") as phone:
        for _ in range(80):
            phone.request("OPTIONS", Contact=None, Event=None, Expires=None)
        statuses = [phone.response().status for _ in range(80)]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 40
        assert _count(server, "transport:")["transport:rate_delayed"] > 0


def test_user_over_its_rate_gets_503_and_keeps_its_subscription(tmp_path: Path) -> None:
    """With a reason phrase of its own."""
    config = {"limits": {"per_user": "5/s"}}
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        answers = [phone.exchange() for _ in range(20)]
        refused = [one for one in answers if one.status == 503]
        assert refused
        assert refused[0].start == "SIP/2.0 503 Too many requests of this user"
        assert refused[0].headers["retry-after"] == "5"
        assert _count(server, "presence:")["presence:limit_per_user"] == len(refused)
        with Ua(server.ports["udp"]) as other:
            other.subscribe()


def test_trusted_peer_has_no_rate(tmp_path: Path) -> None:
    """A proxy stands for all its phones."""
    config = {
        "auth": {"mode": "trusted", "trusted": ["127.0.0.1/32"]},
        "limits": {"per_source": "5/s"},
    }
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as proxy:
        statuses = [
            proxy.exchange("OPTIONS", Contact=None, Event=None, Expires=None).status
            for _ in range(50)
        ]
        assert statuses == [200] * 50
        assert _count(server, "transport:")["transport:rate_dropped"] == 0
