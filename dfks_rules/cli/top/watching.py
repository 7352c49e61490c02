"""Asks a server every second, and listens to its events in between."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dfks_rules.cli.top.figures import figures
from dfks_rules.cli.top.loud import Loud
from dfks_rules.cli.top.samples import Sample, Samples
from dfks_rules.web.client import ApiClient, ApiError

AGAIN = 2.0
"""Seconds after which the stream of events is asked for again."""


class Watching:
    """What is known of a server."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._samples = Samples()
        self._loud = Loud()
        self._statistics: dict[str, int] = {}
        self._ready: dict[str, Any] = {}
        self.problems: dict[str, str] = {}
        """What cannot be asked → why."""

    async def listen(self) -> None:
        """Count events until cancelled, also over restarts of the server."""
        clock = asyncio.get_running_loop().time
        query = {"types": "feature-changed,feature-refused"}
        while True:
            self.problems.pop("events", None)
            try:
                async for event in self._api.events("/v1/events", query=query):
                    self._loud.hear(event.type, event.data, clock())
            except ApiError as error:
                self.problems["events"] = error.message
            await asyncio.sleep(AGAIN)

    async def look(self) -> None:
        """Ask once; it takes two looks to know rates."""
        now = asyncio.get_running_loop().time()
        text = await self._asked("metrics", self._metrics)
        if text is not None:
            self._samples.add(Sample(text, now))
        statistics = await self._asked("statistics", lambda: self._api.ask("GET", "/v1/statistics"))
        self._statistics = statistics or self._statistics
        self._ready = await self._asked("readiness", self._readiness) or {}

    async def _asked(self, name: str, ask: Callable[[], Any]) -> Any:
        try:
            found = await ask()
        except ApiError as error:
            self.problems[name] = error.message
            return None
        self.problems.pop(name, None)
        return found

    async def _metrics(self) -> str:
        pieces = [piece async for piece in self._api.stream("/metrics")]
        return b"".join(pieces).decode(errors="replace")

    async def _readiness(self) -> Any:
        try:
            return await self._api.ask("GET", "/readyz")
        except ApiError as error:
            if error.status == 503 and "checks" in error.problem:
                return error.problem
            raise

    def told(self, at_most: int = 10) -> dict[str, Any]:
        """The figures of this moment."""
        now = asyncio.get_running_loop().time()
        at = datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - when it is seen
        shown = figures(self._samples, self._loud, self._statistics, self._ready, now, at_most)
        return {"at": at, **shown, "problems": dict(self.problems)}
