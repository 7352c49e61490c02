"""Failures of the disk in random order, under the load of many phones, with power cuts between.

`DFKS_TEST_FAULTS=SEED` repeats a run. After each life of the server everything that was answered
200 is there, and in the journal exactly once.
"""

import errno
import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from tests.helpers.faults import Kind, Machine
from tests.helpers.ports import free_port
from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN, Message, Ua, forward, parse

pytestmark = [pytest.mark.long, pytest.mark.e2e, pytest.mark.timeout(1_800)]

PHONES = 20
LIVES = 25
ROUNDS = 12
"""Faults in each life, each under one set of every phone."""
SEED = int(os.environ.get("DFKS_TEST_FAULTS") or secrets.randbelow(2**32))

FAULTS: tuple[Callable[[Machine, Random], AbstractContextManager[None]], ...] = (
    lambda on, _: on.bad_writes(),
    lambda on, _: on.bad_writes(errno.ENOSPC, Kind.DATABASE),
    lambda on, random: on.full(random.randrange(20_000)),
    lambda on, _: on.short_writes(),
    lambda on, _: on.bad_syncs(),
    lambda on, _: on.bad_syncs(Kind.DATABASE),
    lambda on, _: on.bad_reads(),
    lambda on, _: on.read_only(),
    lambda on, _: on.slow(0.05),
)


class Phone(Ua):
    """Sets one number after another in one dialog, and remembers what it was told."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.number = 0
        """What it has set last."""
        self.answered: list[int] = []
        """Every number whose set was answered 200, over all lives of the server."""
        self._notified: dict[str, tuple[int, bytes]] = {}
        """What it was told last in each dialog: the store may keep one whose 200 was never sent."""

    def press(self) -> None:
        """Set the next number."""
        self.number += 1
        self.request(body=forward(True, str(self.number)))

    def settle(self) -> None:
        """Take the response; meanwhile answer NOTIFYs, and repeat the request as phones do."""
        deadline = monotonic() + WITHIN
        while monotonic() < deadline:
            try:
                message = parse(self.read(monotonic() + 0.5))
            except TimeoutError:
                self.send(self.sent)
                continue
            if not message.status:
                self._take(message)
            elif message.cseq == self.cseq:
                assert message.status in (200, 500, 503), message.start
                if message.status == 200:
                    self.accepted(message)
                    self.answered.append(self.number)
                return
        raise AssertionError("no response")

    def _take(self, notify: Message) -> None:
        dialog = notify.headers["from"].partition(";tag=")[2]
        cseq, body = self._notified.get(dialog, (0, b""))
        assert (notify.cseq, notify.body) == (cseq, body) or notify.cseq > cseq
        assert notify.state.startswith("active"), notify.state
        self._notified[dialog] = notify.cseq, notify.body
        self.answer(notify)


def test_nothing_is_lost_whatever_fails_and_in_whatever_order(tmp_path: Path) -> None:
    """Also when the log cannot be moved into the database for a while."""
    print(f"DFKS_TEST_FAULTS={SEED}")  # noqa: T201 - repeats a run
    random = Random(SEED)
    machine = Machine(tmp_path)
    database = machine.disk / "dfks.db"
    port = free_port()
    config = {"store": f"sqlite:{database}", "sip": {"listen": [f"udp:127.0.0.1:{port}"]}}
    with ExitStack() as stack:
        phones = [stack.enter_context(Phone(port)) for _ in range(PHONES)]
        for life in range(LIVES):
            with serve(tmp_path, config, environment=machine.environment) as server:
                _check(database, phones)
                for _ in range(ROUNDS):
                    with random.choice(FAULTS)(machine, random):
                        _round(phones)
                    if random.random() < 0.5:
                        _round(phones)
                _end(server, machine, random, is_last=life == LIVES - 1)
        _check(database, phones)
    answered = sum(len(phone.answered) for phone in phones)
    assert answered > LIVES * PHONES * ROUNDS / 4, "too few were answered to show anything"


def _round(phones: list[Phone]) -> None:
    """Everybody sets a number; what was answered is noted."""
    for phone in phones:
        phone.press()
    for phone in phones:
        phone.settle()


def _end(server: Server, machine: Machine, random: Random, *, is_last: bool) -> None:
    if is_last or random.random() < 0.2:
        assert server.stop() == 0
        return
    server.kill()
    if random.random() < 0.8:
        machine.cut_power(random if random.random() < 0.7 else None)


def _check(database: Path, phones: list[Phone]) -> None:
    """What is stored is at least what was answered last, and the journal has each set once."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for one in phones:
            user = one.aor[4:].partition("@")[0]
            changes = connection.execute(
                "SELECT after ->> '$.values.forwardTo', revision FROM change"
                " WHERE user = ? AND domain = 'example.com' ORDER BY seq",
                (user,),
            ).fetchall()
            numbers = [int(number) for number, _ in changes]
            assert [revision for _, revision in changes] == list(range(1, len(changes) + 1))
            assert len(set(numbers)) == len(numbers), "a set was applied twice"
            assert set(one.answered) <= set(numbers), "an answered set was lost"
            stored = connection.execute(
                "SELECT forward_to FROM feature_state WHERE user = ?", (user,)
            ).fetchall()
            assert [int(number) for (number,) in stored] == numbers[-1:]
