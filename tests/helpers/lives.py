"""A notifier that is killed and started again: one playbook for each life, on one store."""

from collections.abc import Callable, Sequence

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.presence.claim import Before
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.package import Limits
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.setup import Keeping
from dfks_rules.service.ports import Adopting, DialogRow, Settle, Verdict, Wanted
from dfks_rules.store.memory import MemoryStore
from tests.helpers.playbook import Playbook, Sent, default_policies, message
from tests.helpers.ways import FakeWays

EPOCH = 1_700_000_000.0
"""Seconds since 1970 when each life begins to count."""


class Lasting(MemoryStore):
    """A store whose rows last, and which may fail."""

    def __init__(self) -> None:
        super().__init__(lambda: self.clock())
        self.clock: Callable[[], float] = lambda: 0.0
        """Monotonic time of whichever life it is."""
        self.rows: dict[int, DialogRow] = {}
        self.term = 1
        self.is_failing = False
        """Whether what is written behind fails."""
        self.is_refusing = False
        """Whether commits fail."""
        self.written: list[DialogRow] = []
        """Everything that was written behind."""
        self.held: list[Callable[[], None]] | None = None
        """Writes that wait for the test; None: none does."""
        self.held_commits: list[Callable[[], None]] | None = None
        """The same for commits."""
        self._numbers = 0

    are_shared = False

    def adopt(self, tag: bytes, cseq: int, done: Adopting, *, is_back: bool = False) -> None:
        raise NotImplementedError(tag, cseq, done, is_back)

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        def settled(verdict: Verdict, error: StoreError | None, now: float) -> None:
            if verdict is Verdict.STORED and wanted.visit is not None:
                self._put(wanted.visit)
            settle(verdict, error, now)

        if self.held_commits is not None:
            self.held_commits.append(lambda: MemoryStore.commit(self, wanted, settled))
        elif self.is_refusing:
            settle(Verdict.UNAVAILABLE, StoreError("store_unavailable", "full"), 0.0)
        else:
            super().commit(wanted, settled)

    def write(
        self, rows: Sequence[DialogRow], gone: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        def write() -> None:
            if not self.is_failing:
                self.written += rows
                for row in rows:
                    self._put(row)
                for number in gone:
                    self.rows.pop(number, None)
            done(not self.is_failing)

        if self.held is None:
            write()
        else:
            self.held.append(write)

    def release(self) -> None:
        """Let the writes go on that wait."""
        held, self.held = self.held or [], None
        for write in held:
            write()

    def release_commits(self) -> None:
        """Let the commits go on that wait."""
        held, self.held_commits = self.held_commits or [], None
        for commit in held:
            commit()

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        numbers = sorted((one for one in self.rows if one < before), reverse=True)
        return [self.rows[number] for number in numbers[:at_most]]

    def _put(self, row: DialogRow) -> None:
        old = self.rows.get(row.row)
        if old is None and row.first is None:
            return
        if old is not None:
            first = old.first if row.first is None else row.first
            row = row._replace(first=first, last=old.last if row.last is None else row.last)
        self.rows[row.row] = row


class Lives:
    """The lives of one server."""

    def __init__(
        self,
        policies: PolicySet | None = None,
        limits: Limits | None = None,
        gate: Gate | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        self.sleeps = False
        """Whether subscriptions sleep as soon as they may."""
        self._settings = (policies or default_policies(), limits, gate, profiles)
        self.store = Lasting()
        self.ways = FakeWays()
        self.epoch = EPOCH
        self.book = self._begun()
        self.store.clock = lambda: self.book.now

    def _begun(self) -> Playbook:
        policies, limits, gate, profiles = self._settings
        keeping = Keeping(self.store, self.epoch, self.ways.listener_at)
        store, ways = self.store, self.ways
        book = Playbook(policies, limits, store, gate, None, profiles, keeping, ways=ways)
        if self.sleeps:
            book.sleep_at_once()
        return book

    def sleep_at_once(self) -> None:
        """Have each subscription sleep as soon as it may, in this life and the next ones."""
        self.sleeps = True
        self.book.sleep_at_once()

    def begin_again(self, down: float = 1.0) -> Playbook:
        """The next life, which has not read rows yet; monotonic time begins at 0 again.

        Args:
            down: seconds for which nothing has run.
        """
        self.epoch += self.book.now + down
        self.store.term += 1
        self.book = self._begun()
        return self.book

    def restore(
        self,
        beat_at: float | None = None,
        *,
        is_clean: bool = False,
        changed: Sequence[Aor] = (),
    ) -> None:
        """Take all rows."""
        at = self.epoch - 1.0 if beat_at is None else beat_at
        book = self.book
        before = Before(at, is_clean, changed)
        claim = book.notifier.restore(before, book.now)
        book.notifier.take(claim, self.store.read(1 << 62, 1 << 30), book.now)
        book.notifier.loaded(claim)

    def crash(self, down: float = 1.0) -> Playbook:
        """Kill it, start it, and have it take all rows.

        The last heartbeat was so long after everything else that nobody is told again.
        """
        book = self.begin_again(down)
        self.restore(self.epoch + 1_000.0)
        return book

    def stop(self, down: float = 1.0) -> Playbook:
        """Stop it as planned, and so on."""
        self.book.notifier.rest(self.book.now)
        book = self.begin_again(down)
        self.restore(is_clean=True)
        return book


def subscribe(number: int, cseq: int = 1, body: bytes = b"", **changes: bytes | None) -> bytes:
    """A SUBSCRIBE of one of many phones, each with a dialog of its own."""
    headers = {
        "via": b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%d-%d" % (number, cseq),
        "call_id": b"call-%d" % number,
        "cseq": b"%d SUBSCRIBE" % cseq,
        **changes,
    }
    return message(b"SUBSCRIBE", body, **headers)


def subscribed(lives: Lives, number: int = 1) -> Sent:
    """Have a phone subscribe and confirm; its 200."""
    response, notify = lives.book.receive(subscribe(number))
    lives.book.answer(notify)
    return response


def refresh(
    lives: Lives, response: Sent, cseq: int, body: bytes = b"", **changes: bytes | None
) -> list[Sent]:
    """Have a phone refresh what it was answered, and confirm."""
    number = int(response.headers[b"Call-ID"][5:])
    headers = {"to": response.headers[b"To"], **changes}
    sent = lives.book.receive(subscribe(number, cseq, body, **headers))
    for notify in sent[1:]:
        lives.book.answer(notify)
    return sent
