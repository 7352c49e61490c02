"""No request of an operator holds the event loop of a full server; tests/e2e has a small one."""

from pathlib import Path

import pytest

from tests.helpers.holding import crowded, slow_operations

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(600)]


def test_no_operation_holds_the_loop_of_a_full_server(tmp_path: Path) -> None:
    """100,000 subscriptions, and as many decisions as are kept by default."""
    with crowded(tmp_path, subscriptions=100_000, decisions=10_000) as server:
        slow = slow_operations(server)
    assert not slow, "\n".join(map(str, slow))
