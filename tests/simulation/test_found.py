"""What the simulation has found, each played by hand."""

from collections.abc import Sequence

from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Fetched
from tests.helpers.wanted import dialog_row
from tests.simulation import wire
from tests.simulation.disk import HEALTHY, Disk
from tests.simulation.scenario import policies
from tests.simulation.server import SimulatedServer
from tests.simulation.store import Job, SimulatedStore
from tests.simulation.wire import CFA, Notify, Response, Subscribe
from tests.simulation.world import World

ALICE = Aor("single0", "example.com")


class SlowFetches(SimulatedStore):
    """It takes 3 s to fetch anything."""

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        self._world.later(3.0, self._alive, super().fetch, presentities, done)


class SlowCommits(SimulatedStore):
    """Each transaction takes 2 s."""

    def _delay(self) -> float:
        return 2.0


class FailsOnce(SimulatedStore):
    """The transaction after it falls ill is the only one that fails."""

    def _write(self, jobs: list[Job], *, is_healthy: bool = False) -> None:
        super()._write(jobs, is_healthy=is_healthy)
        self.fall_ill(HEALTHY)


class Desk:
    """A server, and what phones write to it by hand."""

    def __init__(self, make_store: type[SimulatedStore] = SimulatedStore) -> None:
        self.world = World(1)
        self.disk = Disk(b"secret")
        self._out: list[bytes] = []
        self.server = SimulatedServer(
            self.world,
            self.disk,
            policies(),
            lambda _address, data: self._out.append(data),
            make_store,
        )
        self.server.start()

    def send(self, what: Subscribe, branch: bytes = b"") -> None:
        """A SUBSCRIBE; one with the same CSeq has the same branch."""
        usual = b"%b%d" % (what.call_id, what.cseq)
        data = wire.subscribe(what, branch or usual)
        self.server.receive(data, (what.address.decode().partition(":")[0], 5060))

    def answer(self, notify: Notify) -> None:
        """Accept a NOTIFY."""
        self.server.receive(wire.answer(notify, 200), ("10.0.0.1", 5060))

    def wait(self, seconds: float) -> tuple[list[Response], list[Notify]]:
        """What the server sends within that time, and has sent before."""
        self.world.run(self.world.now + seconds)
        out, self._out[:] = self._out[:], []
        requests = [wire.read_notify(data) for data in out if data.startswith(b"NOTIFY")]
        return [wire.read_response(data) for data in out if data.startswith(b"SIP")], requests

    def restart(self) -> None:
        """Kill -9, and a start."""
        self.server.crash()
        self._out.clear()
        self.server.start()

    def stored(self) -> list[str]:
        """What Alice forwarded to, one after the other."""
        return [one.after for one in self.disk.journal if one.feature == CFA]


def subscribe(
    cseq: int = 1, state: str = "", tag: bytes = b"", expires: int = 600, call: bytes = b"c1"
) -> Subscribe:
    """A SUBSCRIBE of a phone of Alice, perhaps with a set."""
    body = wire.body_of(CFA, state) if state else b""
    address = b"10.0.0.%b:5060" % call[-1:]
    return Subscribe(b"sip:single0@example.com", address, call, b"p", tag, cseq, expires, body)


def tag_in(responses: list[Response]) -> bytes:
    """Our tag, in the only response."""
    [response] = responses
    assert response.status == 200
    return response.tag


def test_a_set_that_is_decided_again_is_not_taken_for_one_that_is_stored() -> None:
    """Its row was written behind meanwhile, for a refresh: with its CSeq, without its set."""
    desk = Desk(SlowFetches)
    desk.send(subscribe())
    responses, _ = desk.wait(0.1)
    tag = tag_in(responses)
    desk.send(subscribe(2, "", tag))
    desk.disk.set(ALICE, CFA, "on 1", desk.world.now)
    desk.send(subscribe(3, "on 2", tag))
    desk.wait(10.0)
    assert desk.stored() == ["on 1", "on 2"]


def test_a_row_that_is_written_behind_takes_no_cseq_back() -> None:
    """It was asked for while a set was on its way to the store, and came after it."""
    desk = Desk(SlowCommits)
    desk.send(subscribe())
    responses, _ = desk.wait(3.0)
    tag = tag_in([one for one in responses if one.status >= 200])
    desk.send(subscribe(2, "", tag))
    desk.wait(0.8)
    desk.send(subscribe(3, "on 1", tag))
    desk.wait(4.5)
    desk.disk.set(ALICE, CFA, "on 2", desk.world.now)
    desk.restart()
    desk.send(subscribe(3, "on 1", tag))
    desk.wait(5.0)
    assert desk.stored() == ["on 1", "on 2"]


def test_a_set_that_is_decided_again_has_its_own_cseq() -> None:
    """Another one in its dialog was admitted meanwhile, and is not its repeat."""
    desk = Desk(SlowFetches)
    desk.send(subscribe())
    responses, _ = desk.wait(0.1)
    tag = tag_in(responses)
    desk.disk.set(ALICE, CFA, "on 1", desk.world.now)
    desk.send(subscribe(2, "on 2", tag))
    desk.wait(1.0)
    desk.send(subscribe(3, "on 3", tag))
    desk.wait(10.0)
    assert desk.stored() == ["on 1", "on 2", "on 3"]


def test_a_fetch_that_comes_again_after_a_crash_is_told_under_another_cseq() -> None:
    """It has no row, its tag is the same, and something else is stored by now."""
    desk = Desk()
    desk.send(subscribe(expires=0))
    _, [before] = desk.wait(0.1)
    desk.disk.set(ALICE, CFA, "on 1", desk.world.now)
    desk.restart()
    desk.send(subscribe(expires=0))
    _, [after] = desk.wait(0.1)
    assert before.server_tag == after.server_tag
    assert before.states != after.states
    assert before.cseq < after.cseq


def test_fetches_with_sets_are_known_after_a_crash_however_many_there_were() -> None:
    """Their rows say when they were made: all of the last seconds are loaded at once."""
    desk = Desk()
    calls = [b"c%d" % n for n in range(1, 10)]
    for call in calls:
        desk.send(subscribe(1, f"on {call.decode()}", expires=0, call=call))
        desk.wait(0.1)
    desk.restart()
    for call in calls:
        desk.send(subscribe(1, f"on {call.decode()}", expires=0, call=call))
    responses, _ = desk.wait(0.1)
    assert [response.status for response in responses] == [200] * len(calls)
    assert desk.stored() == [f"on {call.decode()}" for call in calls]


def test_the_first_subscribe_of_a_dialog_that_comes_late_is_not_applied_again() -> None:
    """The network had it twice, and the dialog has gone on since."""
    desk = Desk()
    desk.send(subscribe(1, "on 1"))
    responses, _ = desk.wait(0.1)
    desk.send(subscribe(2, "on 2", tag_in(responses)))
    desk.wait(0.1)
    desk.restart()
    desk.send(subscribe(1, "on 1"))
    desk.wait(1.0)
    assert desk.stored() == ["on 1", "on 2"]


def test_a_phone_that_begins_anew_with_the_same_call_id_is_served() -> None:
    """It has lost its dialog, but not its habits: long after the restart it is no copy."""
    desk = Desk()
    desk.send(subscribe(1, "on 1"))
    responses, _ = desk.wait(0.1)
    desk.send(subscribe(2, "on 2", tag_in(responses)))
    desk.wait(0.1)
    desk.restart()
    desk.wait(40.0)
    desk.send(subscribe(1, "on 3"), b"another")
    responses, _ = desk.wait(0.1)
    assert tag_in(responses)
    assert desk.stored() == ["on 1", "on 2", "on 3"]


def test_a_first_subscribe_whose_sets_could_not_be_stored_is_served_when_it_comes_again() -> None:
    """Its phone has not heard the 503, and the server that sent it is gone."""
    desk = Desk(FailsOnce)
    desk.server.store.fall_ill(HEALTHY._replace(fails=1.0))
    desk.send(subscribe(1, "on 1"))
    responses, _ = desk.wait(0.1)
    assert [response.status for response in responses] == [503]
    desk.wait(5.0)
    desk.restart()
    desk.send(subscribe(1, "on 1"))
    responses, _ = desk.wait(0.1)
    assert tag_in(responses)
    assert desk.stored() == ["on 1"]


def test_who_watches_is_told_of_a_set_that_may_have_been_stored() -> None:
    """The phone that sent it gets 503; but it was."""
    desk = Desk()
    for call in (b"c1", b"c2"):
        desk.send(subscribe(call=call))
    responses, notifies = desk.wait(0.1)
    for notify in notifies:
        desk.answer(notify)
    tag = next(n.server_tag for n in notifies if n.call_id == b"c1")
    desk.server.store.fall_ill(HEALTHY._replace(unknown=1.0))
    desk.send(subscribe(2, "on 1", tag))
    responses, _ = desk.wait(0.02)
    assert [response.status for response in responses] == [503]
    desk.server.store.fall_ill(HEALTHY)
    _, notifies = desk.wait(5.0)
    assert desk.stored() == ["on 1"]
    told = {notify.call_id for notify in notifies if notify.states.get(CFA) == "on 1"}
    assert told == {b"c1", b"c2"}


def test_the_simulated_disk_keeps_no_row_of_which_nothing_was_stored() -> None:
    """The file does not; a set that was refused was taken for one that was stored (seed 9042)."""
    disk = Disk(b"secret")
    disk.keep(dialog_row(7, first=None))
    assert disk.rows == {}
