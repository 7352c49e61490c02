"""One request → one reply, whatever the transport."""

import asyncio

import structlog

from dfks_rules.errors import DfksError
from dfks_rules.mi.errors import INTERNAL_ERROR, TOO_LARGE, CallError, translate
from dfks_rules.mi.jsonrpc import Call, Reply, parse, render
from dfks_rules.mi.registry import Desk, Registry, bind
from dfks_rules.operations.ports import Operations

MAX_REPLY = 16 * 1024 * 1024
"""Longest reply in bytes where the transport sets no limit of its own."""

_log = structlog.get_logger("dfks.mi")


class Dispatcher:
    """Answers the requests of every transport."""

    def __init__(self, registry: Registry, operations: Operations) -> None:
        self._desk = Desk(operations, registry)

    async def answer(self, data: bytes, longest: int = MAX_REPLY) -> bytes | None:
        """The reply to a request, or None when it wants none. Never raises.

        Args:
            data: one JSON-RPC request or batch, UTF-8.
            longest: most bytes the transport can carry.
        """
        request = parse(data)
        replies = []
        for number, item in enumerate(request.items):
            if number:
                await asyncio.sleep(0)  # Phones must not wait for the last call of a batch.
            reply = await self._serve(item) if isinstance(item, Call) else item
            if reply is not None:
                replies.append(reply)
        line = render(replies, is_batch=request.is_batch)
        if line is None or len(line) <= longest:
            return line
        error = CallError(
            TOO_LARGE, "Reply too large", f"at most {longest} bytes over this transport"
        )
        # An id of many kilobytes would make this reply too large as well.
        id_ = None if request.is_batch or len(str(replies[0].id)) > 256 else replies[0].id
        return render([Reply(id_, None, error)], is_batch=False)

    async def _serve(self, call: Call) -> Reply | None:
        try:
            method = self._desk.registry.get(call.method)
            result = await method.run(self._desk, bind(method, call.params))
            reply = Reply(call.id, result)
        except CallError as error:
            reply = Reply(call.id, None, error)
        except DfksError as error:
            reply = Reply(call.id, None, translate(error))
        except Exception:  # noqa: BLE001 - one bad call must not end the server; it is our bug
            _log.exception("mi_call_failed", method=call.method[:80])
            reply = Reply(call.id, None, CallError(INTERNAL_ERROR, "Internal error"))
        return None if call.is_notification else reply
