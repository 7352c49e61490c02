"""What was answered 200 is on disk."""

import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN, Ua, dnd, forward, parse

pytestmark = pytest.mark.e2e

USERS = 10
ROUNDS = 10
"""Sets of each user."""


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A store that outlives the server."""
    return {"store": f"sqlite:{tmp_path / 'dfks.db'}"}


def test_a_restart_keeps_what_was_set(tmp_path: Path, config: dict[str, Any]) -> None:
    """The state of a key is not a matter of how long a server runs."""
    aor = "sip:alice@example.com"
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], aor) as phone:
        phone.subscribe()
        phone.subscribe(dnd(True))
        phone.subscribe(forward(True, "2424", "forwardBusy"))
        told = phone.subscribe().told
        assert server.stop() == 0
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], aor) as phone:
        assert phone.subscribe().told == told
    assert (told["DoNotDisturb"], told["CallForwardingBusy"]) == ("on", "on 2424")


@pytest.mark.parametrize("answers", [1, 20, 60])
def test_a_crash_loses_nothing_that_was_answered(
    tmp_path: Path, config: dict[str, Any], answers: int
) -> None:
    """A phone shows what was confirmed; after a crash it must still be so.

    All sets are sent at once, each the next number as target, and the server is killed at the given
    answer, while it has others in hand.
    """
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone:
        # It answers a NOTIFY, so that its address is proved: a host has few dialogs otherwise.
        phone.subscribe(expires=0)
        _send_sets(phone)
        answered = _answered_until_killed(server, phone, answers)
    with serve(tmp_path, config) as server:
        for user, target in answered.items():
            with Ua(server.ports["udp"], _aor(user)) as phone:
                state = phone.subscribe().told["CallForwardingAlways"]
                assert state.startswith("on ")
                assert int(state.removeprefix("on ")) >= target


def _aor(user: int) -> str:
    return f"sip:crash{user}@example.com"


def _send_sets(phone: Ua) -> None:
    for target in range(1, ROUNDS + 1):
        for user in range(USERS):
            phone.target = _aor(user)
            # One-shot subscriptions: a body, no dialog, and the Call-ID says which set it is.
            phone.request(
                body=forward(True, str(target)),
                From=f"<{_aor(user)}>;tag=a",
                To=f"<{_aor(user)}>",
                Call_ID=f"set-{user}-{target}",
                Expires=0,
            )


def _answered_until_killed(server: Server, phone: Ua, answers: int) -> dict[int, int]:
    """The last target that was answered 200, for each user that has one."""
    coming = _answers(phone, time.monotonic() + WITHIN)
    call_ids = list(islice(coming, answers))
    assert len(call_ids) == answers
    server.kill()
    # What it had sent before it died is in the socket's buffer.
    call_ids += _answers(phone, time.monotonic())
    answered: dict[int, int] = {}
    for call_id in call_ids:
        user, target = (int(number) for number in re.findall(r"\d+", call_id))
        answered[user] = max(target, answered.get(user, 0))
    return answered


def _answers(phone: Ua, deadline: float) -> Iterator[str]:
    """Call-ID of each 200, until nothing comes before the deadline."""
    while True:
        try:
            message = parse(phone.read(deadline))
        except (TimeoutError, ConnectionRefusedError):
            return
        if message.status:
            assert message.status == 200
            yield message.headers["call-id"]


def test_a_database_that_was_deleted_under_the_server_is_no_ok(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    """A set that is answered OK and gone after the next restart is worse than an error."""
    call = {"presentity": "sip:alice@example.com", "feature": "DoNotDisturb", "status": 1}
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone:
        assert server.mi("presence_dfks:set_feature", **call)["result"] == "OK"
        (tmp_path / "dfks.db").unlink()
        failed = server.mi("presence_dfks:set_feature", **call | {"status": 0})["error"]
        assert (failed["code"], failed["message"]) == (503, "Store unavailable")
        assert phone.exchange(body=dnd(True)).status >= 500
        assert server.stop() == 0
    log = (tmp_path / "server.log").read_text()
    assert log.count('"store_lost"') == 1
