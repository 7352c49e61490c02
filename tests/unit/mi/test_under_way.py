"""What is under way at the end."""

import asyncio

import pytest

from dfks_rules.mi import under_way
from dfks_rules.mi.under_way import finish


async def test_requests_have_a_while_to_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no longer: whoever stops the server waits."""
    monkeypatch.setattr(under_way, "FINISH_WITHIN", 0.05)
    done: list[str] = []

    async def serve(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append(name)

    tasks = {asyncio.create_task(serve(*one)) for one in (("short", 0.0), ("endless", 600.0))}
    await finish(tasks)
    assert done == ["short"]
    assert all(task.done() for task in tasks)
    await finish(())
