"""Mixed traffic at half the highest rate; `make soak` does it for half an hour."""

import os

import pytest

from bench.soak import run

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(600)]

SECONDS = int(os.environ.get("DFKS_TEST_SOAK_SECONDS", "180"))


def test_nothing_grows_under_mixed_traffic() -> None:
    """Memory, descriptors, threads, tasks and children are as many at the end as before."""
    processors = os.sched_getaffinity(0)
    try:
        result = run(SECONDS)
    finally:
        os.sched_setaffinity(0, processors)  # The server had one of them for itself.
    assert result["grown"] == [], result["samples"]
    assert result["answered"].keys() <= {"200", "403", "NOTIFY"}
    assert int(result["statistics"]["driver:failures"]) == 0
