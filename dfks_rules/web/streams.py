"""Answers in pieces: they have an end, or go on for as long as the client listens."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from aiohttp import web

from dfks_rules.web.audience import Audience, Ending, Line
from dfks_rules.web.connections import Connection
from dfks_rules.web.table import Streamed


class Streams:
    """Those that are under way."""

    def __init__(self) -> None:
        self.audience = Audience(time.time)
        """Who listens to events."""
        self._endless: set[asyncio.Timeout] = set()
        self._is_over = False

    def end(self) -> None:
        """End all that have no end of their own, also those that are yet to begin."""
        self._is_over = True
        now = asyncio.get_running_loop().time()
        for until in self._endless:
            until.reschedule(now)

    async def send(
        self, answer: Streamed, request: web.Request, may_still: Callable[[], bool]
    ) -> web.StreamResponse:
        """Send a stream to its end.

        Args:
            answer: what is sent.
            request: what it answers.
            may_still: whether whoever has sent the request may hear the next piece.

        Raises:
            DfksError: there is no next piece; the client is not told that it was the whole.
        """
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 - all are
        connection.ends_with_client = True
        try:
            return await self._send(answer, request, connection, may_still)
        finally:
            connection.ends_with_client = False

    async def _send(
        self,
        answer: Streamed,
        request: web.Request,
        connection: Connection,
        may_still: Callable[[], bool],
    ) -> web.StreamResponse:
        headers = {"Content-Type": answer.content_type, **answer.headers}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            if request.method != "HEAD":
                await self._write(answer, request, response, connection, may_still)
            if self._is_over and connection.is_stalled:
                # He would not take its end either, and the server does not wait for him.
                connection.abort()
            else:
                await response.write_eof()
        except ConnectionError:
            pass  # The client has gone.
        except asyncio.CancelledError:
            # Likewise. Its task would else keep the error, whose traceback holds `until`, and that
            # the task.
            if connection.transport is not None:
                raise
        except Exception:
            # Without its end, nobody takes what was sent for the whole; nothing else can be said.
            connection.abort()
            raise
        finally:
            # At once: it may be all that something goes on for.
            if isinstance(answer.pieces, AsyncGenerator):
                await answer.pieces.aclose()
        return response

    async def _write(
        self,
        answer: Streamed,
        request: web.Request,
        response: web.StreamResponse,
        connection: Connection,
        may_still: Callable[[], bool],
    ) -> None:
        """Write the pieces, of one that is endless until all such are to end."""
        until = asyncio.timeout(0 if answer.is_endless and self._is_over else None)
        number, ending = self._come(answer, request, connection), Ending.FAILED
        try:
            async with until:
                if answer.is_endless:
                    self._endless.add(until)
                async for piece in answer.pieces:
                    if not may_still():
                        ending = Ending.TOKEN
                        break
                    await response.write(piece)
        except TimeoutError:
            if not until.expired():
                raise
        except (ConnectionError, asyncio.CancelledError):
            ending = Ending.STALLED if connection.is_stalled else Ending.LEFT
            raise
        finally:
            self._endless.discard(until)
            if number is not None:
                self.audience.go(number, ending)

    def _come(self, answer: Streamed, request: web.Request, connection: Connection) -> int | None:
        """Whoever is told of events is one who listens."""
        if answer.listening is None:
            return None
        agent, address = request.headers.get("User-Agent", ""), request.remote or ""
        line = Line(agent, address, lambda: connection.waiting)
        return self.audience.come(answer.listening, line)
