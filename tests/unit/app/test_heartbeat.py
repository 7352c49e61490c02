"""What is noted of when the server lived."""

import time

import pytest

from dfks_rules.app.clock import Scale
from dfks_rules.app.heartbeat import EVERY, Heartbeat, read_clocks
from dfks_rules.store.life import Beat
from tests.helpers.clock import ClockLoop


class _Store:
    """Keeps all heartbeats."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []
        self.told = 0

    def beat(self, beat: Beat) -> None:
        self.beats.append(beat)


def test_server_beats_every_five_seconds_until_its_end() -> None:
    """On its own scale; the last heartbeat says that the stop was planned."""
    loop, store = ClockLoop(), _Store()
    heartbeat = Heartbeat(loop, store, Scale(1000.0), "boot", 0)
    heartbeat.begin()
    loop.run_until(2 * EVERY + 1)
    heartbeat.end(is_clean=True)
    loop.run_until(100.0)
    assert [(beat.at, beat.boot_id, beat.is_clean) for beat in store.beats] == [
        (1000.0, "boot", False),
        (1005.0, "boot", False),
        (1010.0, "boot", False),
        (1011.0, "boot", True),
    ]


def test_heartbeat_says_which_changes_no_phone_waits_for() -> None:
    """Those that were told of 40 s before, since a NOTIFY is repeated for 32; before that, those
    of which the life before has said so. No clock that somebody sets has a part in it.
    """
    loop, store = ClockLoop(), _Store()
    store.told = 70
    heartbeat = Heartbeat(loop, store, Scale(1000.0), "boot", 50)
    heartbeat.begin()
    for moment in range(5, 100, 5):
        loop.run_until(moment - 1.0)
        store.told += 1
    loop.run_until(100.0)
    heartbeat.end(is_clean=False)
    told = [beat.told for beat in store.beats]
    assert told == [50] * 8 + list(range(70, 83)) + [82]


def test_server_that_has_not_begun_to_beat_does_not_end_as_planned() -> None:
    """It has not loaded everything: the next one has to begin where it did."""
    store = _Store()
    Heartbeat(ClockLoop(), store, Scale(0.0), "boot", 0).end(is_clean=True)
    assert store.beats == []


def test_clocks_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readings of one boot; without /proc it is not known which boot it was."""
    one, other = read_clocks(1.0), read_clocks(2.0)
    assert one.boot_id == other.boot_id != ""
    assert 0 <= other.boot - one.boot < 10
    assert abs(one.wall - time.time()) < 10
    assert (one.monotonic, other.monotonic) == (1.0, 2.0)
    monkeypatch.setattr("dfks_rules.app.heartbeat._BOOT_ID", _Missing())
    assert read_clocks(1.0).boot_id == ""


class _Missing:
    """A file that is not there."""

    def read_text(self, _encoding: str) -> str:
        raise FileNotFoundError
