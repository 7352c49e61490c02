"""An attacker forges, a victim is silent, and a phone on a bad link learns everything."""

import socket
import time
from pathlib import Path

import pytest

from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN, Ua, parse

pytestmark = pytest.mark.e2e

_DIALOGS = 10
"""Unproved dialogs that one host may have."""


def _set(server: Server, status: int) -> None:
    """An operator sets Alice's DND."""
    reply = server.mi(
        "dfks_set_feature",
        presentity="sip:alice@example.com",
        feature="DoNotDisturb",
        status=status,
    )
    assert reply["result"] == "OK"


def _count(server: Server, name: str) -> int:
    reply = server.mi("get_statistics", statistics=[f"presence:{name}"])
    return int(reply["result"][f"presence:{name}"])


def test_a_silent_victim_gets_two_notifies_of_ten_dialogs_and_no_change(tmp_path: Path) -> None:
    """2,000 forged dialogs sent it 38 MB for each set."""
    with serve(tmp_path) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        # A host of its own, so that the attacker's own subscription does not count.
        victim.bind(("127.0.0.2", 0))
        contact = "<sip:alice@{}:{}>".format(*victim.getsockname())
        port = server.ports["udp"]
        answers = []
        for _ in range(_DIALOGS + 3):
            with Ua(port, "sip:alice@example.com") as attacker:
                answers.append(attacker.exchange(Contact=contact))
        assert [one.status for one in answers] == [200] * _DIALOGS + [503] * 3
        assert answers[-1].start == "SIP/2.0 503 Too many unproved subscriptions at this address"
        assert answers[-1].headers["retry-after"] == "5"
        with Ua(port, "sip:alice@example.com") as phone:
            phone.subscribe()
            _set(server, 1)
            assert phone.notify().told["DoNotDisturb"] == "on"
        assert _count(server, "notify_held") == _DIALOGS
        assert _count(server, "limit_unproved") == 3
        assert _count(server, "subscriptions_unproved") == _DIALOGS
        rows = server.mi("subs_phtable_list")["result"]["subscriptions"]
        assert sorted(row["proof"] for row in rows) == ["proved"] + ["unproved"] * _DIALOGS
        seen = [parse(_received(victim)) for _ in range(2 * _DIALOGS)]
        assert {one.headers["cseq"] for one in seen} == {"1 NOTIFY"}
        assert {one.told["DoNotDisturb"] for one in seen} == {"off"}
        assert len({one.headers["call-id"] for one in seen}) == _DIALOGS


def _received(victim: socket.socket) -> bytes:
    victim.settimeout(WITHIN)
    return victim.recv(65_535)


def test_a_phone_whose_first_notifies_were_lost_gets_everything_that_waited(tmp_path: Path) -> None:
    """Its next SUBSCRIBE in the dialog proves its address."""
    with serve(tmp_path) as server, Ua(server.ports["udp"], "sip:alice@example.com") as phone:
        phone.accepted(phone.exchange())
        lost = [phone.notify(status=None) for _ in range(2)]
        assert [one.cseq for one in lost] == [1, 1], "sent twice, and no more"
        _set(server, 1)
        assert _count(server, "notify_held") == 1
        phone.accepted(phone.exchange())
        assert phone.notify().told["DoNotDisturb"] == "on"
        _set(server, 0)
        assert phone.notify().told["DoNotDisturb"] == "off"


def test_an_office_that_comes_back_at_once_is_served(tmp_path: Path) -> None:
    """All phones behind one address subscribe within a moment, and each answers its NOTIFY."""
    with serve(tmp_path) as server:
        phones = [Ua(server.ports["udp"]) for _ in range(100)]
        try:
            for phone in phones:
                phone.request()
            deadline = time.monotonic() + WITHIN
            waiting = list(phones)
            while waiting:
                assert time.monotonic() < deadline
                for phone in list(waiting):
                    # The first ones are answered at once, the others when these have answered.
                    if phone.has_arrived():
                        assert phone.response().status == 200
                        phone.notify()
                        waiting.remove(phone)
            assert _count(server, "contacts_proved") == 100
            assert _count(server, "limit_unproved") == 0
        finally:
            for phone in phones:
                phone.__exit__()
