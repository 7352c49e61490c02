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

import pytest

from tests.helpers.faults import Kind, Machine
from tests.helpers.server import Server, serve
from tests.helpers.ua import Ua, forward

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


class Subscriber:
    """A phone that sets one number after another, and remembers what it was told."""

    def __init__(self, name: str) -> None:
        self.aor = f"sip:{name}@example.com"
        self.sent = 0
        self.answered: list[int] = []
        """Every number whose set was answered 200, over all lives."""

    def press(self, ua: Ua) -> None:
        """Send a set without a dialog, whose answer says which it is."""
        self.sent += 1
        ua.target = self.aor
        ua.request(
            body=forward(True, str(self.sent)),
            From=f"<{self.aor}>;tag=a",
            To=f"<{self.aor}>",
            Call_ID=f"{self.aor[4:]}-{self.sent}-{SEED}",
            Expires=0,
        )


def test_nothing_is_lost_whatever_fails_and_in_whatever_order(tmp_path: Path) -> None:
    """Also when the log cannot be moved into the database for a while."""
    print(f"DFKS_TEST_FAULTS={SEED}")  # noqa: T201 - repeats a run
    random = Random(SEED)
    machine = Machine(tmp_path)
    database = machine.disk / "dfks.db"
    people = [Subscriber(f"f{number}") for number in range(PHONES)]
    config = {"store": f"sqlite:{database}", "limits": {"per_user": 1_000}}
    for life in range(LIVES):
        with serve(tmp_path, config, environment=machine.environment) as server:
            _check(database, people)
            for _ in range(ROUNDS):
                with random.choice(FAULTS)(machine, random):
                    _round(server, people)
                if random.random() < 0.5:
                    _round(server, people)
            _end(server, machine, random, is_last=life == LIVES - 1)
    _check(database, people)


def _round(server: Server, people: list[Subscriber]) -> None:
    """Everybody sets a number; what was answered is noted."""
    with ExitStack() as stack:
        phones = [stack.enter_context(Ua(server.ports["udp"])) for _ in people]
        for one, ua in zip(people, phones, strict=True):
            one.press(ua)
        for one, ua in zip(people, phones, strict=True):
            response = ua.response()
            assert response.status in (200, 503), response.start
            if response.status == 200:
                one.answered.append(one.sent)


def _end(server: Server, machine: Machine, random: Random, *, is_last: bool) -> None:
    if is_last or random.random() < 0.2:
        assert server.stop() == 0
        return
    server.kill()
    if random.random() < 0.8:
        machine.cut_power(random if random.random() < 0.7 else None)


def _check(database: Path, people: list[Subscriber]) -> None:
    """What is stored is at least what was answered last, and the journal has each set once."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for one in people:
            user = one.aor[4:].partition("@")[0]
            told = connection.execute(
                "SELECT after ->> '$.values.forwardTo', revision FROM change"
                " WHERE user = ? AND domain = 'example.com' ORDER BY seq",
                (user,),
            ).fetchall()
            numbers = [int(number) for number, _ in told]
            assert [revision for _, revision in told] == list(range(1, len(told) + 1))
            assert len(set(numbers)) == len(numbers), "a set was applied twice"
            assert set(one.answered) <= set(numbers), "an answered set was lost"
            stored = connection.execute(
                "SELECT forward_to FROM feature_state WHERE user = ?", (user,)
            ).fetchall()
            assert [int(number) for (number,) in stored] == numbers[-1:]
