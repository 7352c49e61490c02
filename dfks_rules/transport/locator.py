"""Where hops lead (RFC 3263): the search of `sip.target`, with answers from DNS."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

from dfks_rules.sip.flow import Flow, Hop, Listener
from dfks_rules.sip.target import Avoided, Offered, Target, find_targets
from dfks_rules.transport.connections import CLOSE_WITHIN
from dfks_rules.transport.dns import Dns

MAX_HOPS = 4_000
"""Most hops that are looked up at once."""
MAX_OF_HOST = 16
"""Most of one host, which differ in port and transport."""
MAX_REQUESTS = 10_000
"""Most requests that wait for the same hop: one proxy may stand before many phones."""

Located = Callable[[bytes, Sequence[Flow]], None]
"""See `Receiver.located`."""
_draw = random.SystemRandom().randint


class Locator:
    """Looks up hops; those that many requests wait for once."""

    def __init__(
        self,
        dns: Dns,
        offered: Callable[[Listener], Offered],
        listener_for: Callable[[str, str, Listener], Listener | None],
        located: Located,
    ) -> None:
        """Make it, inside a running event loop.

        Args:
            dns: what answers questions.
            offered: what can be sent over, near a listener first.
            listener_for: see `Ways`.
            located: who is told.
        """
        self._dns = dns
        self._offered = offered
        self._listener_for = listener_for
        self._located = located
        self._loop = asyncio.get_running_loop()
        self._avoided = Avoided()
        self._waiting: dict[tuple[Hop, Listener], list[bytes]] = {}
        """The branches of the requests that wait for each hop, as seen from a listener."""
        self._of_host: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._counts = Counter(hops_refused=0)

    @property
    def counts(self) -> dict[str, int]:
        """What happened so far."""
        return {**self._counts, **self._dns.counts}

    def locate(self, branch: bytes, hop: Hop, near: Listener) -> None:
        """Look up a hop for a request, from the side of a listener."""
        if self._is_closed:
            return  # Connections that end now have requests that nobody waits for.
        key = hop, near
        waiting = self._waiting.get(key)
        is_full = (
            len(self._waiting) >= MAX_HOPS or self._of_host[hop.host] >= MAX_OF_HOST
            if waiting is None
            else len(waiting) >= MAX_REQUESTS
        )
        if is_full:
            self._counts["hops_refused"] += 1
            self._loop.call_soon(self._located, branch, ())
        elif waiting is not None:
            waiting.append(branch)
        else:
            self._waiting[key] = [branch]
            self._of_host[hop.host] += 1
            task = self._loop.create_task(self._find(hop, near))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _find(self, hop: Hop, near: Listener) -> None:
        flows: list[Flow] = []
        try:
            targets = self._avoided.last(await self._search(hop, near), self._loop.time())
            for target in targets:
                listener = self._listener_for(target.transport, target.address, near)
                if listener is not None:
                    flows.append(Flow(listener, (target.address, target.port)))
        finally:
            self._of_host[hop.host] -= 1
            if not self._of_host[hop.host]:
                del self._of_host[hop.host]
            for branch in self._waiting.pop((hop, near)):
                self._located(branch, flows)

    async def _search(self, hop: Hop, near: Listener) -> list[Target]:
        search = find_targets(hop, self._offered(near), lambda most: _draw(0, most))
        try:
            questions = next(search)
            while True:
                if len(questions) == 1:
                    answers = [await self._dns.find(questions[0])]
                else:
                    answers = await asyncio.gather(*map(self._dns.find, questions))
                questions = search.send(answers)
        except StopIteration as end:
            targets: list[Target] = end.value
            return targets

    def avoid(self, flow: Flow, until: float) -> None:
        """Try this target after others, until then (monotonic seconds)."""
        self._avoided.add(Target(flow.listener.transport, *flow.remote), until)

    async def close(self) -> None:
        """Give up what is being looked up, after a second: phones learn that the server stops."""
        self._is_closed = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_WITHIN)
        for task in self._tasks:
            task.cancel()
        self._dns.close()
