"""Answers to questions for DNS: from /etc/hosts, from what is known, or from a server.

Names whose servers do not answer must not keep others waiting, and a stranger can write as many of
them as he likes. So equal questions are asked once; questions wait by turns of their domains; and
when as many are under way as there may be, one that has taken long, of the domain that has most,
makes room for the next.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from dfks_rules.sip.target import Found, Question, RecordType
from dfks_rules.transport.dns_cache import DnsCache
from dfks_rules.transport.fair_queue import FairQueue
from dfks_rules.transport.hosts_file import HostsFile
from dfks_rules.transport.resolver import UNANSWERED, Answer

_log = structlog.get_logger()

MAX_AT_ONCE = 50
"""Most questions under way; each has a socket, and costs about 1 ms of CPU time. So dead names take
a fifth of a CPU at most, since each holds its place for `GRACE` if others wait."""
MAX_WAITING = 2_000
"""Most questions that wait for their turn."""
GRACE = 0.25
"""Seconds that a question may be under way while others wait for its place."""

Ask = Callable[[Question], Awaitable[Answer]]
"""Asks a server."""


class Dns:
    """Answers questions."""

    def __init__(self, ask: Ask, hosts: HostsFile) -> None:
        """Make it, inside a running event loop.

        Args:
            ask: what asks a server; it never raises.
            hosts: names that come before DNS.
        """
        self._ask = ask
        self._hosts = hosts
        self._loop = asyncio.get_running_loop()
        self._cache = DnsCache()
        self._asked: dict[Question, asyncio.Future[Found]] = {}
        """Whoever asked waits for these."""
        self._waiting: FairQueue[Question] = FairQueue(MAX_WAITING)
        self._under_way: dict[Question, tuple[asyncio.Task[None], float]] = {}
        """Their tasks, and when each began (monotonic seconds); the oldest first."""
        self._alarm: asyncio.TimerHandle | None = None
        self._is_reported = False
        self.counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
        """What happened so far."""

    async def find(self, question: Question) -> Found:
        """The answer to a question; None when nobody gave one in time."""
        known = self._known(question)
        if known is not None:
            return known[0]
        waiting = self._asked.get(question)
        if waiting is None:
            waiting = self._asked[question] = self._loop.create_future()
            dropped = self._waiting.add(_domain(question.name), question)
            if dropped is not None:
                self.counts["lookups_refused"] += 1
                self._answer(dropped, None)
            self._start()
        return await asyncio.shield(waiting)

    def _known(self, question: Question) -> tuple[Found] | None:
        host, kind = question
        if kind is RecordType.SRV:
            host = host.split(".", 2)[-1]
        written = self._hosts.addresses(host)
        if written is not None:
            # Whoever writes a name there means these addresses, and no other records.
            wanted = {RecordType.A: False, RecordType.AAAA: True}.get(kind)
            return ([one for one in written if (":" in one) is wanted],)
        found = self._cache.find(question, self._loop.time())
        if found is not None:
            self.counts["lookups_cached"] += 1
        return found

    def _start(self) -> None:
        """Ask what waits, as far as there is room."""
        self._disarm()
        while self._waiting:
            if len(self._under_way) >= MAX_AT_ONCE:
                slowest = self._slowest()
                task, begun = self._under_way[slowest]
                early = begun + GRACE - self._loop.time()
                if early > 0:
                    self._alarm = self._loop.call_later(early, self._start)
                    return
                task.cancel()
                del self._under_way[slowest]
                self.counts["lookups_cut_short"] += 1
                self._keep(slowest, UNANSWERED)
            question = self._waiting.next()
            task = self._loop.create_task(self._look_up(question))
            self._under_way[question] = task, self._loop.time()
            self.counts["lookups"] += 1

    def _slowest(self) -> Question:
        """The oldest question of the domain that has the most under way.

        A live name may be old, too: where all are slow, its answer waits to be read.
        """
        domains = Counter(_domain(one.name) for one in self._under_way)
        return max(self._under_way, key=lambda one: domains[_domain(one.name)])

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _look_up(self, question: Question) -> None:
        try:
            answer = await self._ask(question)
        except Exception:  # noqa: BLE001 - dnspython reads what strangers write
            # Whoever waits must not wait for good, nor the place be lost.
            if not self._is_reported:  # A stranger may ask again and again.
                self._is_reported = True
                _log.exception("lookup_failed", name=question.name, type=question.kind.value)
            answer = UNANSWERED
        if self._under_way.pop(question, None) is None:
            return  # It has made room, too late to be stopped.
        if answer.found is None:
            self.counts["lookups_unanswered"] += 1
        self._keep(question, answer)
        self._start()

    def _keep(self, question: Question, answer: Answer) -> None:
        self._cache.keep(question, answer.found, answer.ttl, self._loop.time())
        self._answer(question, answer.found)

    def _answer(self, question: Question, found: Found) -> None:
        waiting = self._asked.pop(question)
        if not waiting.done():
            waiting.set_result(found)

    def close(self) -> None:
        """Give up what is being asked."""
        self._disarm()
        for task, _ in self._under_way.values():
            task.cancel()


_COUNTS = (
    "lookups",
    "lookups_cached",
    "lookups_unanswered",
    "lookups_cut_short",
    "lookups_refused",
)


def _domain(name: str) -> str:
    """Whose name it is: its last two labels."""
    return ".".join(name.rsplit(".", 2)[-2:])
