"""What a victim gets in 50 s from a server that an attacker floods with forged requests."""

import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.server import serve
from tests.helpers.ua import BODY_TYPE, Ua, parse

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]

_SECONDS = 50.0
_DIALOGS = 10
"""Unproved dialogs that one host may have; each counts for 32 s."""


def _forged(number: int, victim: str, expires: int) -> bytes:
    user = "sip:alice@example.com"
    lines = [
        f"SUBSCRIBE {user} SIP/2.0",
        f"Via: SIP/2.0/UDP {victim};rport;branch=z9hG4bKforged{number}",
        "Max-Forwards: 70",
        f"From: <{user}>;tag=f{number}",
        f"To: <{user}>",
        f"Call-ID: forged-{number}",
        "CSeq: 1 SUBSCRIBE",
        f"Contact: <sip:alice@{victim}>",
        "Event: as-feature-event",
        f"Accept: {BODY_TYPE}, multipart/mixed",
        f"Expires: {expires}",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_victim_of_many_forged_dialogs_gets_little_and_nothing_after_it(tmp_path: Path) -> None:
    """Three datagrams of each of twenty dialogs at most, whatever is set meanwhile.

    The sender is forged as well: requests are sent from the victim's own socket, so that the 200s
    come to it, too.
    """
    with (
        serve(tmp_path) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
        Ua(server.ports["udp"], "sip:alice@example.com") as phone,
    ):
        victim.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        victim.bind(("127.0.0.2", 0))
        victim.connect(("127.0.0.1", server.ports["udp"]))
        where = "{}:{}".format(*victim.getsockname())
        phone.subscribe()
        seen: list[bytes] = []
        sent, status = 0, 0
        ends = time.monotonic() + _SECONDS
        while time.monotonic() < ends:
            if time.monotonic() < ends - 10:
                victim.send(_forged(sent, where, 3600 * (sent % 2)))
                sent += 1
            if sent % 100 == 0:
                status ^= 1
                server.mi(
                    "dfks_set_feature",
                    presentity="sip:alice@example.com",
                    feature="DoNotDisturb",
                    status=status,
                )
                phone.notify()
            victim.settimeout(0.02)
            try:
                while True:
                    seen.append(victim.recv(65_535))
            except TimeoutError:
                pass
        messages = [parse(one) for one in seen]
        wanted = [one for one in messages if one.status in (0, 200)]
        each = Counter(one.headers["call-id"] for one in wanted)
        assert sent > 500
        assert _DIALOGS <= len(each) <= 2 * _DIALOGS
        assert max(each.values()) <= 3
        refused = [one for one in messages if one.status == 503]
        assert len(refused) <= sent
        assert len(wanted) + len(refused) == len(messages)
        told = sum(len(one.raw) for one in messages if not one.status)
        assert told < 2 * 2 * _DIALOGS * 2_100
