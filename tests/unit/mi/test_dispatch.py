"""From bytes to bytes, through real methods."""

import asyncio
import json
from typing import NoReturn

from dfks_rules.mi.errors import INTERNAL_ERROR, METHOD_NOT_FOUND, TOO_LARGE, UNAVAILABLE
from dfks_rules.model.identity import Aor
from tests.helpers.mi import dispatcher, error, request
from tests.helpers.operations import MemoryOperations

_SET = ["sip:alice@example.com", "DoNotDisturb", 1]


async def test_reply_is_one_compact_line() -> None:
    """As OpenSIPS writes it."""
    line = await dispatcher().answer(request("dfks_set_feature", _SET))
    assert line == b'{"jsonrpc":"2.0","result":"OK","id":"7"}'


async def test_notification_is_done_without_a_reply() -> None:
    """Also when it fails."""
    operations = MemoryOperations()
    desk = dispatcher(operations)
    call = {"jsonrpc": "2.0", "method": "dfks_set_feature", "params": _SET}
    assert await desk.answer(json.dumps(call).encode()) is None
    assert Aor("alice", "example.com") in operations.states
    assert await desk.answer(b'{"jsonrpc":"2.0","method":"nonsense"}') is None


async def test_batch_gets_its_replies_in_order() -> None:
    """A batch kills an OpenSIPS process."""
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "version"},
        5,
        {"jsonrpc": "2.0", "method": "version"},
        {"jsonrpc": "2.0", "id": 2, "method": "nonsense"},
    ]
    line = await dispatcher().answer(json.dumps(calls).encode())
    assert line is not None
    first, second, third = json.loads(line)
    assert first["id"] == 1
    assert second["error"]["code"] == -32600
    assert (third["id"], third["error"]["code"]) == (2, METHOD_NOT_FOUND)


async def test_phones_are_served_between_the_calls_of_a_batch() -> None:
    """64 lists of 50,000 subscriptions in one turn would hold all of them for seconds."""
    served: list[str] = []

    class Asked(MemoryOperations):
        def uptime(self) -> float:
            served.append("call")
            asyncio.get_running_loop().call_soon(served.append, "phone")
            return 0.0

    call = {"jsonrpc": "2.0", "id": 1, "method": "uptime"}
    await dispatcher(Asked()).answer(json.dumps([call] * 3).encode())
    assert served == ["call", "phone", "call", "phone", "call"]


async def test_store_failure_is_told() -> None:
    """OpenSIPS says OK before anything was stored."""
    operations = MemoryOperations()
    operations.is_broken = True
    assert await error(operations, "dfks_set_feature", _SET) == {
        "code": UNAVAILABLE,
        "message": "Store unavailable",
        "data": "disk is full",
    }


async def test_bug_in_a_method_is_answered_and_the_next_call_works() -> None:
    """One bad call must not end the server, nor show a client our insides."""

    class Buggy(MemoryOperations):
        def uptime(self) -> NoReturn:
            raise ZeroDivisionError

    assert await error(Buggy(), "uptime") == {"code": INTERNAL_ERROR, "message": "Internal error"}
    assert await dispatcher(Buggy()).answer(request("version")) is not None


async def test_reply_that_a_transport_cannot_carry_is_an_error() -> None:
    """The client would wait for nothing."""
    line = await dispatcher().answer(request("help"), 200)
    assert line is not None
    assert len(line) <= 200
    assert json.loads(line)["error"]["code"] == TOO_LARGE
    assert json.loads(line)["id"] == "7"
