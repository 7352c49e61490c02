"""`dfks top` where there is no terminal."""

import json

import pytest

from tests.helpers.commands import run
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def test_without_a_terminal_each_look_is_a_line() -> None:
    """For scripts; a server that is away is told, too."""
    async with api(MemoryOperations()) as web:
        result = await run(web.url, "top", "--count", "1", "--interval", "0.2")
    # Of the metrics of this one nothing is known, so it would wait for ever: it is asked no more.
    assert result.exit_code == 0, result.exception
    assert len(result.stdout.splitlines()) == 1
    away = await run(web.url, "top", "--count", "2", "--interval", "0.2")
    first, second = (json.loads(line) for line in away.stdout.splitlines())
    assert set(second["problems"]) >= {"metrics", "statistics", "readiness"}
    assert first["rates"]["sets"] is None


@pytest.mark.parametrize("arguments", [["--interval", "0"], ["--count", "0"], ["now"]])
async def test_other_arguments_are_a_usage_error(arguments: list[str]) -> None:
    """No loop without a pause."""
    assert (await run("http://127.0.0.1:9", "top", *arguments)).exit_code == 2
