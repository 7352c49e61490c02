"""No request of an operator holds the event loop while phones wait; tests/long has more of them."""

from pathlib import Path

import pytest

from tests.helpers.holding import crowded, slow_operations

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


def test_no_operation_holds_the_loop(tmp_path: Path) -> None:
    """One after another; phones are answered throughout."""
    with crowded(tmp_path, subscriptions=1_000, decisions=2_000) as server:
        slow = slow_operations(server)
    assert not slow, "\n".join(map(str, slow))
