"""A thousand watchers of one user, and a user whose state never rests."""

import re
import threading
import time
from pathlib import Path

import pytest

from bench.load import Phones, answer
from bench.server import resident_bytes
from tests.helpers.server import Server, serve

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(600)]

WATCHERS = 1_000
PER_SECOND = 100
"""Sets of the other user."""
SECONDS = 30
TRANSACTIONS_END = 35
"""Seconds until the server has forgotten the transactions of what it answered."""
SLACK = 10 * 1024 * 1024
"""Growth that caches and the allocator may cause, bytes; a hundred sets a second leave 30 MB of
transactions behind if they are not forgotten."""
_SET = (
    b'<SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">'
    b"<device/><doNotDisturbOn>%b</doNotDisturbOn></SetDoNotDisturb>"
)
_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r]*)")
_CSEQ = re.compile(rb"\r\nCSeq: (\d+) ")
_DND = re.compile(rb"<doNotDisturbOn>(\w+)<")


class _Crowd:
    """Phones on one socket that answer from a thread of their own, and show what they were told."""

    def __init__(self, server: tuple[str, int], *, one_presentity: bool) -> None:
        self.phones = Phones(server, one_presentity=one_presentity)
        self.shows: dict[bytes, tuple[int, bool]] = {}
        """Call-ID → CSeq and state of the newest NOTIFY."""
        self.answered = 0
        """200s."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def subscribe(self, count: int) -> None:
        """Subscribe so many, and answer from now on."""
        self.phones.run((self.phones.message(number, 1) for number in range(count)), 64)
        self.phones.socket.settimeout(0.2)
        self._thread.start()

    def _listen(self) -> None:
        sock = self.phones.socket
        while not self._is_over.is_set():
            try:
                data = sock.recv(65_535)
            except TimeoutError:
                continue
            if not data.startswith(b"NOTIFY"):
                assert data.startswith(b"SIP/2.0 200"), data
                self.answered += 1
                continue
            sock.send(answer(data))
            call_id, cseq, state = (one.search(data) for one in (_CALL_ID, _CSEQ, _DND))
            assert call_id is not None
            assert cseq is not None
            if state is not None:
                newest = (int(cseq[1]), state[1] == b"true")
                self.shows[call_id[1]] = max(newest, self.shows.get(call_id[1], (0, False)))

    def states(self) -> list[bool]:
        """What each of those that were told anything shows."""
        return [state for _, state in list(self.shows.values())]

    def end(self) -> None:
        """Answer no more."""
        self._is_over.set()
        self._thread.join()
        self.phones.socket.close()


def _set_dnd(server: Server, user: str, *, on: bool) -> None:
    params = {"presentity": f"sip:{user}@bench.test", "feature": "DoNotDisturb", "status": int(on)}
    assert server.mi("dfks_set_feature", **params)["result"] == "OK"


def _until_all_show(crowd: _Crowd, count: int, *, on: bool) -> None:
    """Wait until `count` phones show a state.

    Raises:
        AssertionError: some do not after the time of a transaction.
    """
    ends = time.monotonic() + 32
    while crowd.states() != [on] * count:
        assert time.monotonic() < ends, (len(crowd.shows), crowd.states().count(not on))
        time.sleep(0.05)


def test_no_watcher_misses_the_last_state_and_memory_returns(tmp_path: Path) -> None:
    """One user has 1,000 watchers; another's key is pressed 100 times a second, for 30 s."""
    config = {"sip": {"listen": ["udp:127.0.0.1:0"]}, "store": "sqlite:dfks.db"}
    with serve(tmp_path, config) as server:
        address = ("127.0.0.1", server.ports["udp"])
        watchers = _Crowd(address, one_presentity=True)
        restless = _Crowd(address, one_presentity=False)
        watchers.subscribe(WATCHERS)
        # Three phones of u1; the crowd watches u0.
        restless.phones.run((restless.phones.message(n, 1) for n in (1, 1001, 2001)), 1)
        restless.subscribe(0)
        _press(server, restless, watchers, first=2, seconds=5)
        time.sleep(TRANSACTIONS_END)
        before = resident_bytes(server.pid)
        last = _press(server, restless, watchers, first=PER_SECOND * 5 + 2, seconds=SECONDS)
        _until_all_show(watchers, WATCHERS, on=last)
        _until_all_show(restless, 3, on=last)
        assert restless.answered == PER_SECOND * (SECONDS + 5)
        time.sleep(TRANSACTIONS_END)
        grown = resident_bytes(server.pid) - before
        watchers.end()
        restless.end()
        assert server.stop() == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()
    assert grown < SLACK, grown


def _press(server: Server, restless: _Crowd, watchers: _Crowd, *, first: int, seconds: int) -> bool:
    """Press a key 100 times a second, and set the watched user's feature ten times; the last state.

    Args:
        server: whose MI sets it.
        restless: whose phone 1 presses its key.
        watchers: who watches.
        first: CSeq of the first SUBSCRIBE.
        seconds: for how long.
    """
    start, on = time.monotonic(), False
    for number in range(seconds * PER_SECOND):
        on = number % 2 == 0
        message = restless.phones.message(1, first + number, _SET % (b"true" if on else b"false"))
        restless.phones.socket.send(message)
        if number % 10 == 0:
            _set_dnd(server, "u0", on=number % 20 == 0)
        time.sleep(max(0.0, start + (number + 1) / PER_SECOND - time.monotonic()))
    _set_dnd(server, "u0", on=on)
    return on
