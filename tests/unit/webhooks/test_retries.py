"""When an event is sent again."""

import pytest

from dfks_rules.webhooks.retries import LIMIT, delay


def _all(luck: float) -> list[float]:
    waits: list[float] = []
    while (wait := delay(len(waits), sum(waits), luck)) is not None:
        waits.append(wait)
    return waits


def test_delays_grow_to_an_hour_and_end_after_a_day() -> None:
    """5 s, 30 s, 2 min, 10 min, 1 h, then hourly."""
    waits = _all(0.5)
    assert waits[:6] == [5, 30, 120, 600, 3_600, 3_600]
    assert LIMIT - 3_600 < sum(waits) <= LIMIT


@pytest.mark.parametrize(("luck", "first"), [(0.0, 4.0), (1.0, 6.0)])
def test_delays_are_up_to_a_fifth_longer_or_shorter(luck: float, first: float) -> None:
    """So that endpoints that went down together are not asked together."""
    assert delay(0, 0, luck) == pytest.approx(first)
    assert sum(_all(luck)) <= LIMIT


def test_nothing_is_sent_before_an_endpoint_has_asked_for_it() -> None:
    """Retry-After may be longer than our delay; a shorter one is not needed."""
    assert delay(0, 0, 0.5, 90.0) == 90.0
    assert delay(4, 0, 0.5, 1.0) == 3_600.0
    assert delay(0, 0, 0.5, 1e9) == LIMIT
    assert delay(1, LIMIT, 0.5, 1.0) is None
