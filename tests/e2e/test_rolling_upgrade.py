"""Two nodes of this release become a newer one while phones press keys: expand, roll, contract."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path

import pytest

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.fleet import Fleet, Node, Roamer, fleet, happens
from tests.helpers.newer_release import COLUMN, NEWER, NEWEST, contract, expand
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.server import ROOT
from tests.helpers.ua import Message, dnd, forward

pytestmark = [pytest.mark.e2e, pytest.mark.long, needs_postgres, pytest.mark.timeout(300)]

DND, FORWARD = "DoNotDisturb", "CallForwardingAlways"
NEWER_DFKS = (sys.executable, "-m", "tests.helpers.newer_release")
PATIENCE = 1.5
"""Seconds that a phone waits for an answer, until it asks the other node."""


@pytest.fixture
def nodes(empty_database: Database, tmp_path: Path) -> Iterator[Fleet]:
    """Two nodes of this release."""
    with fleet(tmp_path, empty_database.url, 2) as both:
        yield both


class Presser(Roamer):
    """A phone whose user forwards calls to 1, 2, 3 and so on, and that repeats what is not
    answered, or 503, at the other node.
    """

    def __init__(self, nodes: Sequence[Node], first: int) -> None:
        """It asks the node with this place first."""
        self._until = inf
        """Until when it waits, monotonic seconds."""
        super().__init__(nodes[first])
        self._nodes, self._at = nodes, first
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._press_until_stopped)
        self._failure: BaseException | None = None
        self.pressed = 0
        """How many keys were answered 200."""
        self.refused: list[str] = []
        """What was not answered 200: `503`, say, or `nothing`."""
        self.born = self.subscribe()
        """Its first NOTIFY."""

    def begin(self) -> None:
        """Press keys from now on."""
        self._thread.start()

    def end(self) -> None:
        """Press no more.

        Raises:
            BaseException: what has gone wrong.
        """
        self._stopped.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _press_until_stopped(self) -> None:
        try:
            while not self._stopped.wait(0.02):
                self._press(str(self.pressed + 1))
                self.pressed += 1
        except BaseException as error:  # noqa: BLE001 - `end` raises it
            self._failure = error

    def _press(self, target: str) -> None:
        body = forward(True, target)
        self.request(body=body)
        until = time.monotonic() + 30
        while (status := self._status()) != "200":
            assert time.monotonic() < until, f"{self.aor} is not served: {self.refused}"
            self.refused.append(status)
            self._at = 1 - self._at
            self.goes_to(self._nodes[self._at])
            if status == "nothing":
                self.send(self.sent)
            else:
                self.request(body=body)
        self.hears(FORWARD, f"on {target}")

    def _status(self) -> str:
        """What the last request is answered."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                answer = self._answer(until)
            except TimeoutError:
                break
            if answer.cseq == self.cseq:
                return str(answer.status)
        return "nothing"

    def _answer(self, until: float) -> Message:
        self._until = until
        try:
            return self.response()
        finally:
            self._until = inf

    def read(self, deadline: float) -> bytes:
        """No longer than a phone waits."""
        return super().read(min(deadline, self._until))


@contextmanager
def _pressed(nodes: Sequence[Node], count: int = 4) -> Iterator[list[Presser]]:
    """Phones that press keys until they are ended, half of them at each node."""
    with ExitStack() as opened:
        phones = [opened.enter_context(Presser(nodes, number % 2)) for number in range(count)]
        for phone in phones:
            opened.callback(phone.end)
            phone.begin()
        yield phones


def _have_pressed(phones: Sequence[Presser], more: int = 20) -> None:
    """Wait until each has pressed so many keys more."""
    goals = [phone.pressed + more for phone in phones]

    def have() -> bool:
        assert all(phone._thread.is_alive() for phone in phones)
        return all(one.pressed >= goal for one, goal in zip(phones, goals, strict=True))

    happens(have, 60)


def _targets(database: Database, phone: Roamer) -> list[str]:
    """Where its user has forwarded to, by the journal."""
    user = phone.aor.removeprefix("sip:").partition("@")[0]
    found = database.run("SELECT username, feature, after FROM dfks.change ORDER BY seq")
    return [
        after["values"]["forwardTo"] for of, what, after in found if (of, what) == (user, FORWARD)
    ]


def _stored_by(database: Database) -> set[str]:
    """Which functions have stored what there is."""
    return {row[COLUMN] for [row] in database.run("SELECT to_jsonb(p) FROM dfks.presentity p")}


def test_nodes_are_upgraded_one_by_one_while_phones_press_keys(
    nodes: Fleet, empty_database: Database
) -> None:
    """No step refuses a key; a restart only has phones ask the other node. Each key is applied
    once, and all dialogs go on.
    """
    one, other = nodes.nodes
    with Roamer(one) as idle, Roamer(other) as late:
        watched: list[tuple[Roamer, Message]] = [
            (phone, phone.subscribe()) for phone in (idle, late)
        ]
        with _pressed(nodes.nodes) as phones:
            _have_pressed(phones)
            asyncio.run(migrate(nodes.url, expand(), NEWER))
            _have_pressed(phones)
            assert [phone.refused for phone in phones] == [[]] * len(phones)
            assert _stored_by(empty_database) == {"commit_1"}
            _replace(one)
            _have_pressed(phones)
            assert _releases(other) == {__version__, NEWER}
            assert "commit_1" in _stored_by(empty_database)
            _replace(other)
            _have_pressed(phones)
            assert _releases(one) == {NEWER}
            before = [len(phone.refused) for phone in phones]
            asyncio.run(migrate(nodes.url, contract(), NEWEST))
            _have_pressed(phones)
            assert [len(phone.refused) for phone in phones] == before
            for presser in phones:
                presser.end()
                numbers = [str(n) for n in range(1, presser.pressed + 1)]
                assert _targets(empty_database, presser) == numbers
                watched.append((presser, presser.born))
            for phone, born in watched:
                other.set(phone.aor, DND, on=True)
                told = phone.hears(DND, "on")
                assert told.headers["call-id"] == born.headers["call-id"]
                assert told.headers["from"] == born.headers["from"]
                assert told.cseq > born.cseq
            assert _stored_by(empty_database) == {"commit_2"}


def _replace(node: Node) -> None:
    """As its operator does: stop it, start the newer release, and wait until it serves."""
    assert node.stop() == 0
    node.becomes(NEWER_DFKS)
    node.start()
    happens(node.is_ready)


def _releases(node: Node) -> set[str]:
    """Of nodes that live."""
    rows = node.server.mi("cluster:nodes")["result"]["nodes"]
    return {row["release"] for row in rows if row["state"] != "dead"}


@pytest.mark.parametrize("first", ["this release", "the newer one"])
def test_key_repeated_at_a_node_of_another_release_is_applied_once(
    nodes: Fleet, empty_database: Database, first: str
) -> None:
    """Its answer was lost with the upgrade, and somebody else was faster than its repeat."""
    one, other = nodes.nodes
    asyncio.run(migrate(nodes.url, expand(), NEWER))
    _replace(other)
    begins, goes_on = (one, other) if first == "this release" else (other, one)
    with Roamer(begins) as phone:
        phone.subscribe()
        phone.accepted(phone.exchange(body=dnd(True)))
        sent = phone.sent
        goes_on.set(phone.aor, DND, on=False)
        phone.hears(DND, "off")
        phone.goes_to(goes_on)
        phone.send(sent)
        answer = phone.response()
        assert (answer.status, answer.cseq) == (200, phone.cseq)
        assert phone.subscribe().told[DND] == "off"
        changes = goes_on.server.mi("journal:list", presentity=phone.aor)["result"]["changes"]
        assert [one["after"]["status"] for one in changes] == [1, 0]


def test_step_that_takes_away_waits_for_the_last_node_of_the_older_release(
    nodes: Fleet, empty_database: Database
) -> None:
    """It is refused as long as one lives; one that was paused meanwhile is told when it wakes up,
    stores nothing, and does not start again.
    """
    one, other = nodes.nodes
    asyncio.run(migrate(nodes.url, expand(), NEWER))
    _replace(one)
    with Roamer(other) as phone:
        born = phone.subscribe()
        with pytest.raises(StoreError) as caught:
            asyncio.run(migrate(nodes.url, contract(), NEWEST))
        assert caught.value.code == "store_in_use"
        assert f"releases before {NEWER} need" in caught.value.message
        assert f"still run: node-2 ({__version__}); upgrade or stop" in caught.value.message
        phone.accepted(phone.exchange(body=dnd(True)))
        phone.hears(DND, "on")

        other.pause()
        happens(lambda: _is_migrated(nodes.url))
        phone.goes_to(one)
        one.set(phone.aor, DND, on=False)
        told = phone.hears(DND, "off")
        assert (phone.source(told), told.headers["from"]) == (one.sip, born.headers["from"])
        phone.goes_to(other)
        phone.request(body=dnd(True))
        other.resume()
        happens(lambda: _needed(other.log.read_text("utf-8")) > 0)
        happens(lambda: other.server._process.poll() is not None)
        _is_refused_if_answered(phone)
        phone.goes_to(one)
        assert phone.subscribe().told[DND] == "off"

    for words in ("serve",), ("store", "migrate"):
        refused = _runs(*words, "--config", str(other.folder / "dfks.yaml"))
        assert refused.returncode == 1
        assert _needed(refused.stderr) == 1


def _runs(*words: str) -> "subprocess.CompletedProcess[str]":
    """A command of this release."""
    dfks = str(Path(sys.executable).with_name("dfks"))
    return subprocess.run(
        [dfks, *words], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )


def _is_refused_if_answered(phone: Roamer) -> None:
    """The key that it pressed at a node that has lost its place."""
    if phone.has_arrived():
        assert phone.response().status == 503


def _is_migrated(url: str) -> bool:
    """Take away what the older release needs, if nobody of it lives any more."""
    try:
        asyncio.run(migrate(url, contract(), NEWEST))
    except StoreError as error:
        if error.code != "store_in_use":
            raise
        return False
    return True


def _needed(said: str) -> int:
    """How often it says what is needed."""
    return said.count(
        f"of dfks-rules {NEWEST}; this is {__version__}, and {NEWER} or newer is needed"
    )
