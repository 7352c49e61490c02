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

    def beat(self, beat: Beat) -> None:
        self.beats.append(beat)


def test_server_beats_every_five_seconds_until_its_end() -> None:
    """On its own scale; the last heartbeat says that the stop was planned."""
    loop, store = ClockLoop(), _Store()
    heartbeat = Heartbeat(loop, store, Scale(1000.0), "boot")
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


def test_server_that_has_not_begun_to_beat_does_not_end_as_planned() -> None:
    """It has not loaded everything: the next one has to begin where it did."""
    store = _Store()
    Heartbeat(ClockLoop(), store, Scale(0.0), "boot").end(is_clean=True)
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
