"""Three nodes on one PostgreSQL, as phones see them: one server, of which any part may die."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.helpers.fleet import Fleet, Node, Roamer, fleet, happens
from tests.helpers.postgres import Cluster, cluster, needs_postgres
from tests.helpers.ua import Ua, dnd

pytestmark = [pytest.mark.e2e, needs_postgres, pytest.mark.timeout(180)]

DND = "DoNotDisturb"


@pytest.fixture(scope="module")
def engine() -> Iterator[Cluster]:
    """A PostgreSQL that tests stop."""
    with cluster() as server:
        yield server


@pytest.fixture(scope="module")
def all_nodes(engine: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The same nodes for all tests, each with presentities of its own."""
    url = engine.url(engine.create())
    with fleet(tmp_path_factory.mktemp("nodes"), url, 3) as nodes:
        yield nodes


@pytest.fixture
def nodes(all_nodes: Fleet) -> list[Node]:
    """All three serve, whatever the test before has done to them."""
    all_nodes.be_whole()
    return all_nodes.nodes


def _journal(node: Node, phone: Ua) -> list[tuple[str, str]]:
    """What was changed for the phone's user, oldest first: feature, and what it is since."""
    answer = node.server.mi("journal:list", presentity=phone.aor)
    changes = answer["result"]["changes"]
    return [(one["feature"], "on" if one["after"]["status"] else "off") for one in changes]


def test_set_at_one_node_is_told_by_another(nodes: list[Node]) -> None:
    """Each phone has its own node; both of a user show the same."""
    one, other, third = nodes
    with Roamer(one) as phone, Roamer(other, phone.aor) as watcher, Ua(third.sip[1]) as stranger:
        phone.subscribe()
        watcher.subscribe()
        stranger.subscribe()
        assert phone.subscribe(dnd(True)).told == {DND: "on"}
        told = watcher.hears(DND, "on")
        assert watcher.source(told) == other.sip
        other.set(phone.aor, DND, on=False)
        told = phone.hears(DND, "off")
        assert phone.source(told) == one.sip
        assert not stranger.unread()


def test_subscribe_in_a_dialog_may_come_to_any_node(nodes: list[Node]) -> None:
    """It is served, with the next numbers; who had the dialog says no more in it."""
    one, other, third = nodes
    with Roamer(one) as phone:
        cseq = phone.subscribe().cseq
        for node in (other, third, one, other):
            phone.goes_to(node)
            told = phone.subscribe()
            assert told.cseq > cseq
            assert told.told[DND] == "off"
            cseq = told.cseq
        one.set(phone.aor, DND, on=True)
        told = phone.hears(DND, "on")
        assert phone.source(told) == other.sip
        assert told.cseq > cseq
        # Others may tell it, too, until they hear that they have lost the dialog.
        assert not [one for one in phone.unread() if one.cseq > told.cseq]


def test_set_in_a_dialog_of_another_node_is_served(nodes: list[Node]) -> None:
    """Adopted, set and told, as if it had always been there."""
    one, other, _ = nodes
    with Roamer(one) as phone:
        cseq = phone.subscribe().cseq
        phone.goes_to(other)
        phone.accepted(phone.exchange(body=dnd(True)))
        told = phone.hears(DND, "on")
        assert told.cseq > cseq
        assert _journal(one, phone) == [(DND, "on")]


@pytest.mark.parametrize("where", ["another node", "the same node"])
def test_repeated_set_is_applied_once(nodes: list[Node], where: str) -> None:
    """Its answer was lost, somebody else was faster than its repeat, and that comes anywhere."""
    one, other, _ = nodes
    with Roamer(one) as phone:
        phone.subscribe()
        phone.accepted(phone.exchange(body=dnd(True)))
        sent = phone.sent
        phone.notify()
        other.set(phone.aor, DND, on=False)
        phone.hears(DND, "off")
        phone.goes_to(other if where == "another node" else one)
        phone.send(sent)
        answer = phone.response()
        assert (answer.status, answer.cseq) == (200, phone.cseq)
        assert phone.subscribe().told[DND] == "off"
        assert _journal(one, phone) == [(DND, "on"), (DND, "off")]


def test_first_subscribe_repeated_elsewhere_is_one_dialog(nodes: list[Node]) -> None:
    """With a set: the phone asked again, and the name of the server led it to another node."""
    one, other, _ = nodes
    with Roamer(one) as phone:
        phone.request(body=dnd(True))
        first = phone.response()
        phone.notify()
        phone.goes_to(other)
        phone.send(phone.sent)
        again = phone.response()
        assert (first.status, again.status) == (200, 200)
        assert first.headers["to"] == again.headers["to"]
        assert _journal(one, phone) == [(DND, "on")]


@pytest.mark.alone
def test_watchers_of_a_killed_node_are_told_by_another(nodes: list[Node]) -> None:
    """In the same dialog, with a higher CSeq, within 5 s; the phones do nothing at all."""
    one, other, _ = nodes
    with Roamer(one) as phone, Roamer(one) as late:
        before, first = phone.subscribe(), late.subscribe()
        other.set(late.aor, DND, on=True)
        late.notify(status=None)  # Its answer is lost with the node, so it is told again.
        one.kill()
        killed = time.monotonic()
        other.set(phone.aor, DND, on=True)
        told = phone.hears(DND, "on")
        seconds = time.monotonic() - killed
        assert phone.source(told) != one.sip
        assert told.cseq > before.cseq
        assert told.headers["call-id"] == before.headers["call-id"]
        assert told.headers["from"] == before.headers["from"]
        again = late.hears(DND, "on")
        assert late.source(again) != one.sip
        assert again.cseq > first.cseq + 1
    assert seconds < 5


def test_phone_over_tcp_goes_on_at_another_node(nodes: list[Node]) -> None:
    """Its connection has died with its node; it reconnects elsewhere, in its dialog."""
    one, other, third = nodes
    with Ua(one.sip[1], transport="tcp") as phone:
        before = phone.subscribe()
        one.kill()
        phone._server = other.sip
        phone.connect_again()
        phone.accepted(phone.exchange())
        refreshed = phone.notify()
        third.set(phone.aor, DND, on=True)
        told = phone.notify()
    assert before.cseq < refreshed.cseq < told.cseq
    assert told.headers["from"] == before.headers["from"]
    assert told.told[DND] == "on"


def test_paused_node_begins_a_new_life(nodes: list[Node]) -> None:
    """SIGSTOP, as a machine that is moved: the others have what it had, and it serves again."""
    one, other, third = nodes
    lives, fenced = len(one.said("cluster_joined")), _fenced(one)
    with Roamer(one) as phone:
        before, taken = phone.subscribe(), _taken(other) + _taken(third)
        one.pause()
        try:
            other.set(phone.aor, DND, on=True)
            happens(lambda: _taken(other) + _taken(third) > taken)
            told = phone.hears(DND, "on")
            assert phone.source(told) != one.sip
        finally:
            one.resume()
        # On a machine that has no time for it, a life may end sooner than the next one is seen.
        happens(lambda: len(one.said("cluster_joined")) > lives)
        assert _fenced(one) > fenced
        happens(one.is_ready)
        taken = _taken(one)
        other.set(phone.aor, DND, on=False)
        told = phone.hears(DND, "off")
        # Nor does it tell of what it had: only of what another one has lost since.
        assert phone.source(told) != one.sip or _taken(one) > taken
        phone.goes_to(one)
        lives = len(one.said("cluster_joined"))
        assert phone.subscribe().cseq > told.cseq > before.cseq
        one.set(phone.aor, DND, on=True)
        told = phone.hears(DND, "on")
        assert phone.source(told) == one.sip or len(one.said("cluster_joined")) > lives


def test_engine_that_stops_keeps_keys_waiting_but_no_refresh(
    nodes: list[Node], engine: Cluster
) -> None:
    """Refreshes are answered from memory; keys are refused until it is back."""
    one, other, _ = nodes
    with Roamer(one) as phone, Roamer(other, phone.aor) as watcher:
        phone.subscribe()
        watcher.subscribe()
        engine.stop("immediate")
        try:
            until = time.monotonic() + 3
            while time.monotonic() < until:
                refreshed = phone.exchange()
                assert refreshed.status == 200
                phone.notify()
                time.sleep(0.3)
            refused = phone.exchange(body=dnd(True))
            assert refused.status == 503
            assert 1 <= int(refused.headers["retry-after"]) <= 15
        finally:
            engine.start()
        for node in nodes:
            happens(node.is_ready)
        phone.accepted(phone.exchange(body=dnd(True)))
        phone.hears(DND, "on")
        watcher.hears(DND, "on")
        assert _journal(one, phone) == [(DND, "on")]


def test_planned_stop_hands_over_without_a_word(nodes: list[Node]) -> None:
    """Nobody is told what is known already; the next change is."""
    one, other, third = nodes
    with Roamer(one) as phone:
        before, taken = phone.subscribe(), _taken(other) + _taken(third)
        assert one.stop() == 0
        happens(lambda: _taken(other) + _taken(third) > taken)
        phone.goes_to(other)
        assert not phone.unread()
        third.set(phone.aor, DND, on=True)
        told = phone.hears(DND, "on")
        assert told.cseq > before.cseq
        assert told.headers["from"] == before.headers["from"]


def _fenced(node: Node) -> int:
    """How often it was found out there that it counts as dead: by a renewal, or by a commit."""
    return len(node.said("cluster_fenced")) + len(node.said("store_fenced"))


def _taken(node: Node) -> int:
    """So many subscriptions of others it has taken over."""
    return sum(one["subscriptions"] for one in node.said("cluster_taken_over"))


def test_our_own_phone_goes_on_when_its_node_is_killed(nodes: list[Node]) -> None:
    """What people try first, with two terminals."""
    one, other, _ = nodes
    user, at = "sip:demonstration@example.com", "{}:{}".format(*one.sip)
    command = [sys.executable, "-m", "dfks_rules", "phone", "--watch", user, "--server", at]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as phone:
        try:
            _reads(phone, "watching")
            one.kill()
            other.set(user, DND, on=True)
            assert _reads(phone, f"  {DND}").split() == [DND, "on"]
        finally:
            phone.kill()


def _reads(phone: "subprocess.Popen[str]", beginning: str) -> str:
    """The next line that begins so; of pytest's time limit if there is none."""
    assert phone.stdout is not None
    while not (line := phone.stdout.readline()).startswith(beginning):
        assert line, "it has ended"
    return line


def test_subscriptions_outlive_all_nodes(nodes: list[Node]) -> None:
    """A power cut in the room: the first node that starts has everything."""
    one, other, third = nodes
    with Roamer(other) as phone:
        before = phone.subscribe()
        for node in nodes:
            node.kill()
        one.start()
        happens(one.is_ready)
        one.set(phone.aor, DND, on=True)
        told = phone.hears(DND, "on")
        assert phone.source(told) == one.sip
        assert told.cseq > before.cseq
        third.start()
        phone.goes_to(third)
        assert phone.subscribe().told[DND] == "on"
