"""Calls that may hang."""

import asyncio
import threading

import pytest

from dfks_rules.operations.daemons import on_daemon


async def test_what_a_call_gives_or_raises_comes_back() -> None:
    """On a thread that ends with the process."""
    thread = await on_daemon(threading.current_thread, "asks")
    assert (thread.daemon, thread.name) == (True, "asks")
    with pytest.raises(ZeroDivisionError):
        await on_daemon(lambda: 1 // 0, "fails")


async def test_whoever_waits_no_longer_is_told_nothing() -> None:
    """Not even that it was too late."""
    goes_on = threading.Event()
    future = on_daemon(lambda: goes_on.wait(10), "hangs")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 0.01)
    goes_on.set()
    assert await on_daemon(lambda: True, "next")
    await asyncio.sleep(0.01)


def test_call_that_outlives_its_loop_harms_nobody() -> None:
    """Nobody is there to be told."""
    goes_on = threading.Event()

    async def main() -> None:
        on_daemon(lambda: goes_on.wait(10), "outlives")

    asyncio.run(main())
    [thread] = [one for one in threading.enumerate() if one.name == "outlives"]
    goes_on.set()
    thread.join(10)
    assert not thread.is_alive()


async def test_where_no_thread_can_be_started_whoever_waits_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As of any failure: what it holds meanwhile is let go."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="can't start new thread"):
        await on_daemon(lambda: 1, "name")
