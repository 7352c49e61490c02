"""Counters of the rooms, collected."""

from collections.abc import Mapping

from dfks_rules.app.metrics import Metrics


class _Room:
    """Something that counts."""

    def __init__(self, **counts: int) -> None:
        self._counts = counts

    @property
    def counts(self) -> Mapping[str, int]:
        """As a room has them."""
        return self._counts

    def count(self, name: str) -> None:
        """One more."""
        self._counts[name] = self._counts.get(name, 0) + 1


def test_counters_are_named_by_their_group() -> None:
    """As OpenSIPS names its statistics, and as they are now, not as they were."""
    metrics, sip = Metrics(), _Room(received=1)
    metrics.include("sip", sip)
    metrics.include("presence", _Room(made=7))
    sip.count("received")
    sip.count("malformed")
    assert metrics.collect() == {"sip:received": 2, "sip:malformed": 1, "presence:made": 7}


def test_equal_counters_of_a_group_are_added_up() -> None:
    """There is a transport for each listener; an operator wants to know what was dropped in all."""
    metrics = Metrics()
    metrics.include("transport", _Room(dropped=2))
    metrics.include("transport", _Room(dropped=3, opened=1))
    assert metrics.collect() == {"transport:dropped": 5, "transport:opened": 1}
