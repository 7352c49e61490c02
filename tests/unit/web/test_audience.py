"""Who listens, and who did."""

import pytest

from dfks_rules.web.audience import (
    MOST_GONE,
    MOST_GONE_OF_TOKEN,
    REMEMBERED,
    Audience,
    Ending,
    Filter,
    Line,
    Listening,
    Present,
)
from dfks_rules.web.caller import LOCAL
from tests.helpers.clock import ClockLoop

BRIDGE = "dfks-bridge-asterisk/1.0"


class Room:
    """An audience, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.clock = ClockLoop()
        self.clock.now = 1_000.0
        self.audience = Audience(self.clock.time)

    def come(
        self,
        agent: str = BRIDGE,
        token: str = "pbx",  # noqa: S107 - a name
        address: str = "10.0.0.1",
        asked: Filter = Filter(),  # noqa: B008 - it is a tuple
    ) -> int:
        """Somebody begins to listen."""
        listening = Listening(LOCAL._replace(name=token), asked)
        return self.audience.come(listening, Line(agent, address, lambda: 7))

    def visit(self, agent: str = BRIDGE, token: str = "pbx") -> None:  # noqa: S107 - a name
        """Somebody listens for a moment."""
        self.audience.go(self.come(agent, token), Ending.LEFT)

    @property
    def only(self) -> Present:
        """The one that is there or was."""
        [one] = self.audience.rows()
        return one


def test_whoever_listens_is_there_until_he_goes() -> None:
    """Then he was there: since when until when, and why no longer."""
    room = Room()
    number = room.come()
    assert (room.only.since, room.only.until, room.only.waiting()) == (1_000.0, None, 7)
    room.clock.now = 1_060.0
    room.audience.go(number, Ending.STALLED)
    assert (room.only.since, room.only.until) == (1_000.0, 1_060.0)
    assert (room.only.ending, room.only.waiting()) == (Ending.STALLED, 0)


@pytest.mark.parametrize(
    ("agent", "address"),
    [(BRIDGE, "10.0.0.1"), (BRIDGE, "10.0.0.2"), ("dfks-bridge-asterisk/2.0", "10.0.0.1")],
)
def test_a_program_that_is_back_is_not_missed(agent: str, address: str) -> None:
    """Also in a new version, or in a container with a new address. How often it came tells of one
    that comes and goes.
    """
    room = Room()
    room.visit()
    room.come(agent, address=address)
    assert (room.only.until, room.only.times, room.only.address) == (None, 2, address)


def test_a_program_that_is_back_before_it_was_missed_is_not_missed_later() -> None:
    """Where its network broke, the server notices only when it can send nothing for a while."""
    room = Room()
    broken = room.come()
    room.come(address="10.0.0.2")
    room.audience.go(broken, Ending.STALLED)
    assert (room.only.until, room.only.times, room.only.address) == (None, 2, "10.0.0.2")


def test_a_program_that_came_twice_is_missed_when_nobody_of_it_is_left() -> None:
    """Whichever of the two goes first."""
    room = Room()
    first, second = room.come(), room.come()
    room.audience.go(second, Ending.LEFT)
    assert room.only.until is None
    room.audience.go(first, Ending.LEFT)
    assert room.only.until == 1_000.0
    room.come()
    assert room.only.until is None


def test_what_asks_for_something_else_is_another_program() -> None:
    """A bridge for each domain, with one token."""
    room = Room()
    room.visit()
    room.come(asked=Filter(domain="acme.example"))
    assert [one.times for one in room.audience.rows()] == [1, 1]


def test_browsers_are_not_remembered() -> None:
    """They would leave no room for those who are missed."""
    room = Room()
    room.visit("Mozilla/5.0 (X11; Linux x86_64)")
    assert room.audience.rows() == []


def test_a_token_has_only_its_own_programs_forgotten() -> None:
    """Whatever a tenant's programs call themselves."""
    room = Room()
    room.visit()
    for number in range(MOST_GONE_OF_TOKEN + 5):
        room.visit(f"program{number}", "acme")
    rows = room.audience.rows()
    assert [one.agent for one in rows if one.listening.caller.name == "pbx"] == [BRIDGE]
    acme = [one.agent for one in rows if one.listening.caller.name == "acme"]
    assert acme == [f"program{number}" for number in range(14, 4, -1)]


def test_what_is_remembered_is_bounded() -> None:
    """Tokens come and go, too."""
    room = Room()
    for number in range(MOST_GONE + 5):
        room.visit(token=f"token{number}")
    rows = room.audience.rows()
    assert len(rows) == MOST_GONE
    assert rows[0].listening.caller.name == f"token{MOST_GONE + 4}"


def test_what_nobody_misses_is_forgotten() -> None:
    """A bridge that was taken away is no alarm for ever."""
    room = Room()
    room.visit()
    room.clock.now += REMEMBERED
    assert room.audience.rows() == []


def test_a_name_is_cut() -> None:
    """It may have 8 KiB."""
    room = Room()
    room.come("x" * 8_000)
    assert len(room.only.agent) == 200
