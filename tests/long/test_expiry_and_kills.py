"""Servers that are killed before, while and after they switch off what has expired.

`DFKS_TEST_EXPIRY=SEED` repeats who presses what, and the moments of the kills.
"""

import os
import select
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Self

import pytest

from tests.e2e.test_time_that_acts import show
from tests.helpers.faults import Machine
from tests.helpers.fleet import Fleet, Roamer, fleet, happens
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.server import write_policy
from tests.helpers.ua import Message, forward, parse

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]

SEED = int(os.environ.get("DFKS_TEST_EXPIRY") or Random().getrandbits(32))
USERS = 16
LIVES = 3
CFA = "CallForwardingAlways"
LEAD = 3.0
"""Seconds before one o'clock from which on a server may be killed."""
RULES = """
- id: until-five-past
  when: {op: set, feature: CallForwardingAlways, request.status: 1,
    request.forwardTo: {prefix: "9"}}
  then: {expire: {until: "13:05", tz: UTC}}
- id: until-one
  when: {op: set, feature: CallForwardingAlways, request.status: 1}
  then: {expire: {until: "13:00", tz: UTC}}
"""
NONE = """
- id: stays
  when: {op: set, feature: DoNotDisturb}
  then: {expire: 30d}
"""
"""Deadlines are kept, whatever decides since."""


class _Desk:
    """A user with two phones: keys are pressed at one, and the other one only watches."""

    def __init__(self, phone: Roamer, watcher: Roamer) -> None:
        self.phone, self.watcher = phone, watcher
        self.actors: list[str] = []
        """Who changed something, in order."""
        self.last = 0
        """The number set last."""

    def press(self, number: int, *, on: bool) -> None:
        """Press the key, and have it answered."""
        phone = self.phone
        response = phone.exchange(body=forward(on, str(number)))
        assert response.status == 200
        phone.accepted(response)
        self.actors.append(phone.aor)
        self.last = number

    def act(self, life: int, random: Random) -> None:
        """Set something that expires; perhaps another thing; perhaps nothing in the end."""
        early, late = 100 + life, 900 + life
        numbers = random.choice(((early,), (late,), (early, late), (late, early), (late, early, 0)))
        for number in numbers:
            self.press(number or early, on=number > 0)
        self.actors += ["expired"] if numbers[-1] else []

    @property
    def is_late(self) -> bool:
        """Whether it is switched off at five past one."""
        return self.last >= 900


class _Listening:
    """Phones that answer all the time, from a thread of their own."""

    def __init__(self, desks: Sequence[_Desk]) -> None:
        self._desks = desks
        self._phones = {one: 0 for desk in desks for one in (desk.phone, desk.watcher)}
        """The highest CSeq of each."""
        self._shows: dict[Roamer, str] = {}
        self._is_over = Event()
        self._thread = Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def are_told(self, *, late: bool) -> None:
        """Wait until both phones of each user show that it is off."""
        happens(lambda: not self._left(late=late))

    def _left(self, *, late: bool) -> list[Roamer]:
        return [
            phone
            for desk in self._desks
            if desk.is_late is late
            for phone in (desk.phone, desk.watcher)
            if self._shows.get(phone) != f"off {desk.last}"
        ]

    def _listen(self) -> None:
        for phone in self._phones:
            for message in phone.taken():
                self._take(phone, message)
        while not self._is_over.is_set():
            for phone in select.select(list(self._phones), [], [], 0.1)[0]:
                self._take(phone, parse(phone.read(monotonic() + 1)))

    def _take(self, phone: Roamer, message: Message) -> None:
        if message.status:
            return
        is_new = message.cseq > self._phones[phone]
        # Of a node that has the dialog no more (RFC 3261 §12.2.2).
        phone.answer(message, 200 if message.cseq >= self._phones[phone] else 500)
        if is_new:
            self._phones[phone] = message.cseq
            self._shows[phone] = message.told.get(CFA, self._shows.get(phone, ""))


def _run(machine: Machine, fleet: Fleet, desks: Sequence[_Desk], folder: Path) -> None:
    print(f"DFKS_TEST_EXPIRY={SEED}")  # noqa: T201 - repeats a run
    random = Random(SEED)
    for life in range(LIVES):
        show(machine, "12:30:00")
        sleep(1.0)  # Servers read the clock once a second.
        for desk in desks:
            desk.act(life, random)
        listening = _Listening(desks)
        _change_policies(fleet, folder, ("", NONE, "rollback")[life % 3])
        with listening:
            show(machine, f"12:59:{60 - LEAD:02.0f}")
            sleep(random.uniform(0, LEAD + 1.5))
            random.choice(fleet.nodes).kill()
            fleet.be_whole()
            listening.are_told(late=False)
            _check(fleet, desks, hour="13:00")
            show(machine, "13:05:00")
            listening.are_told(late=True)
            _check(fleet, desks, hour="13:05")
        _change_policies(fleet, folder, RULES)


def _change_policies(fleet: Fleet, folder: Path, what: str) -> None:
    """Have all nodes decide by these, or by those before."""
    if what and what != "rollback":
        write_policy(folder, what)
    for node in fleet.nodes:
        asked = f"policy:{'rollback' if what == 'rollback' else 'reload'}"
        assert not what or "result" in node.server.mi(asked)


def _check(fleet: Fleet, desks: Sequence[_Desk], hour: str) -> None:
    """Each has ended once, at its time, and nothing has ended that has more time."""
    for desk in desks:
        found = fleet.nodes[0].server.mi("journal:list", presentity=desk.phone.aor, limit=100)
        changes = found["result"]["changes"]
        is_on = desk.is_late and hour == "13:00"
        assert [one["actor"] for one in changes] == desk.actors[: -1 if is_on else None]
        for one in changes:
            if one["actor"] == "expired":
                late = one["before"]["forwardTo"].startswith("9")
                assert one["rule"] == ("p/until-five-past" if late else "p/until-one")


def _torment(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, nodes: int) -> None:
    machine = Machine(folder)
    for name, value in {**machine.environment, "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)
    show(machine, "12:00:00")
    with fleet(folder, url, nodes, **write_policy(folder, RULES)) as site, ExitStack() as stack:
        desks = []
        for number in range(USERS):
            aor = f"sip:desk{number}@example.com"
            own = site.nodes[number % nodes], site.nodes[number // 2 % nodes]
            phone, watcher = (stack.enter_context(Roamer(node, aor)) for node in own)
            phone.subscribe()
            watcher.subscribe()
            desks.append(_Desk(phone, watcher))
        _run(machine, site, desks, folder)


def test_a_server_that_is_killed_ends_each_forward_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its time or when it is there again, with one row in the journal, and all are told."""
    _torment(tmp_path, monkeypatch, f"sqlite:{tmp_path}/disk/dfks.db", 1)


@needs_postgres
def test_of_two_nodes_of_which_one_is_killed_one_ends_each_forward_once(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is killed in the middle of it."""
    _torment(tmp_path, monkeypatch, empty_database.url, 2)
