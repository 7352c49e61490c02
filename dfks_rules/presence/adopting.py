"""Dialogs of other nodes: asked for when a SUBSCRIBE shows that their phones are here now.

| state    | input                                      | output                        | next     |
|----------|--------------------------------------------|-------------------------------|----------|
| (none)   | SUBSCRIBE in a dialog that is not here, or | `Dialogs.adopt`               | adopting |
|          | whose commit says that it has moved        |                               |          |
| (none)   | a dialog has moved, but its phone may have | `Dialogs.adopt`, back         | adopting |
|          | come back (`taking`)                       |                               |          |
| (none)   | the same, and `AT_MOST` wait               | 503; the dialog ends silently | (none)   |
| adopting | the same SUBSCRIBE again                   | nothing                       | adopting |
| adopting | another one with its tag                   | nothing: it waits, too        | adopting |
| adopting | the row: this node's from now on           | its presentity is fetched:    | fetching |
|          |                                            | the phone may know more       |          |
| adopting | nobody has it                              | 481; without To tag it is     | (none)   |
|          |                                            | served anew: a new dialog     |          |
| adopting | its phone has spoken to another node since | 500, or 200 where its sets    | (none)   |
|          |                                            | are stored; without To tag it |          |
|          |                                            | is served anew: a new dialog  |          |
| adopting | the same, and a later SUBSCRIBE waits here | `Dialogs.adopt`               | adopting |
| adopting | the store failed                           | 503: never 481 in doubt       | (none)   |
| fetching | it is known                                | the dialog is here; who waits | (none)   |
|          |                                            | is served, in order           |          |
| fetching | another node has moved it meanwhile        | `Dialogs.adopt`, where one    | adopting |
|          |                                            | waits or was answered since   |          |
| fetching | the store failed                           | the dialog is here; 503       | (none)   |

A SUBSCRIBE that meets `MOVES` nodes that take its dialog away is answered 500 with Retry-After.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, final

from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.identity import Identity
from dfks_rules.presence.publish import Refuse
from dfks_rules.presence.responses import OUT_OF_ORDER, RefusedError, refusal, refusal_for
from dfks_rules.presence.taking import Taking
from dfks_rules.presence.visit import Visit
from dfks_rules.service.features import Features
from dfks_rules.service.ports import DialogRow, Dialogs, Gone
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.server_transaction import ServerTransaction

AT_MOST = 4_096
"""SUBSCRIBEs, at most, that wait for their dialogs; dialogs, at most, that are asked for."""
MOVES = 3
"""How often a SUBSCRIBE is served anew because another node has taken its dialog."""

_UNKNOWN: Final = Gone.UNKNOWN
_UNAVAILABLE: Final = Gone.UNAVAILABLE
_ELSEWHERE: Final = Gone.ELSEWHERE


@final
class Arrival:
    """A SUBSCRIBE that waits until its dialog is here."""

    __slots__ = (
        "at",
        "has_gone_on",
        "identity",
        "incoming",
        "kept",
        "moves",
        "says_more",
        "transaction",
    )

    def __init__(
        self,
        incoming: Incoming,
        identity: Identity | None,
        at: datetime,
        transaction: ServerTransaction | None = None,
        moves: int = 0,
    ) -> None:
        self.incoming: Final = incoming
        self.identity: Final = identity
        """Who sent it, where phones authenticate."""
        self.at: Final = at
        """Local time when it came."""
        self.transaction: Final = transaction
        """What it has begun already; None for nothing yet."""
        self.moves = moves
        """How often its dialog turned out to be another node's."""
        self.kept: Visit | None = None
        """What it was before its dialog moved, where its sets are stored."""
        self.says_more = False
        """Whether it said something new when it was taken into its dialog, before that moved."""
        self.has_gone_on = False
        """Whether another node has the dialog that it made, and has had later ones in it."""


Serve = Callable[[Arrival, float], None]
"""Serves a SUBSCRIBE whose dialog is here, or which makes one; may raise what `_REFUSED` has."""
_REFUSED = (RefusedError, MalformedMessageError, StoreError)


@final
class Adoptions:
    """The dialogs that are asked for, and who waits for them."""

    def __init__(  # noqa: PLR0913 - the parts that it works with
        self,
        dialogs: Dialogs,
        features: Features,
        taking: Taking,
        serve: Serve,
        accept: Callable[[Visit], None],
        refuse: Refuse,
        counts: dict[str, int],
    ) -> None:
        """Nobody waits.

        Args:
            dialogs: what finds them, whosever they are.
            features: what makes presentities known.
            taking: what takes rows over.
            serve: what serves SUBSCRIBEs.
            accept: what answers those whose sets are stored, and whose dialogs are elsewhere.
            refuse: what answers with errors.
            counts: what is counted, see `counts.NAMES`.
        """
        self._dialogs: Final = dialogs
        self._features: Final = features
        self._taking: Final = taking
        self._serve: Final = serve
        self._accept: Final = accept
        self._refuse: Final = refuse
        self._counts: Final = counts
        self._waiting: dict[bytes, list[Arrival]] = {}
        """By our tags."""
        self._arrivals = 0
        """How many wait in all."""
        self._keys: set[bytes] = set()
        """Keys of those whose repeats nobody else knows."""
        taking.asks = self

    def has(self, tag: bytes) -> bool:
        """Whether the dialog with this tag of ours is asked for already."""
        return tag in self._waiting

    def is_waiting(self, incoming: Incoming) -> bool:
        """Whether a SUBSCRIBE waits already."""
        return incoming.key in self._keys

    def again(self, tag: bytes, cseq: int) -> bool:
        """Ask for one that was here, where that SUBSCRIBE was answered last; whether it could be
        asked for.
        """
        if tag in self._waiting:
            return True
        if len(self._waiting) >= AT_MOST:
            return False
        self._ask(tag, cseq, [], is_back=True)
        return True

    def wait(self, tag: bytes, arrival: Arrival) -> None:
        """Serve a SUBSCRIBE once its dialog is here.

        Raises:
            RefusedError: too many wait.
        """
        if self._arrivals >= AT_MOST:
            raise refusal_for(StoreError("store_unavailable", "too many dialogs are asked for"))
        self._arrivals += 1
        if arrival.transaction is None:
            self._keys.add(arrival.incoming.key)
        waiting = self._waiting.get(tag)
        if waiting is None:
            self._ask(tag, arrival.incoming.request.cseq, [arrival], is_back=False)
        else:
            waiting.append(arrival)

    def moved(self, visit: Visit, now: float) -> None:
        """The dialog of a SUBSCRIBE that was admitted is another node's: serve it anew."""
        tag = visit.subscription.dialog.local_tag
        is_here = not visit.is_new and self._taking.leaves(visit, now)
        identity, moves = visit.requester.identity, visit.moves + 1
        arrival = Arrival(visit.incoming, identity, visit.at, visit.transaction, moves)
        arrival.kept = visit if visit.is_kept else None
        arrival.says_more = visit.says_more
        if visit.moves >= MOVES:
            self._turn_down(arrival, refusal_for(_too_often()))
        elif is_here and tag not in self._waiting:
            # It was adopted again before this could be stored.
            self._serve_one(arrival, now)
        else:
            try:
                self.wait(tag, arrival)
            except RefusedError as refused:
                self._turn_down(arrival, refused)

    def _ask(self, tag: bytes, cseq: int, waiting: list[Arrival], *, is_back: bool) -> None:
        self._waiting[tag] = waiting
        done = partial(self._came, tag, cseq, is_back)
        try:
            self._dialogs.adopt(tag, cseq, done, is_back=is_back)
        except BaseException:
            # Nobody may wait for ever.
            self._done(tag)
            raise

    # --- What came of it ---

    def _came(
        self,
        tag: bytes,
        cseq: int,
        is_back: bool,  # noqa: FBT001 - bound to it by `_ask`
        found: DialogRow | Gone,
        now: float,
    ) -> None:
        if isinstance(found, DialogRow):
            if not self._taking.is_over(found):
                done = partial(self._fetched, tag, found)
                self._features.fetch((found.presentity,), done)
                return
            found = _UNKNOWN
        if found is _ELSEWHERE and self._asks_later(tag, cseq, is_back):
            return
        if found is _UNAVAILABLE:
            self._counts["adoptions_failed"] += 1
        self._taking.is_gone(tag, now)
        for arrival in self._done(tag):
            if found is not _UNAVAILABLE and not arrival.incoming.recipient.tag:
                arrival.has_gone_on = found is _ELSEWHERE
                self._serve_one(arrival, now)
            elif found is _ELSEWHERE and arrival.kept is not None:
                self._accept(arrival.kept)
            else:
                self._turn_down(arrival, _refusal_of(found))

    def _asks_later(self, tag: bytes, cseq: int, is_back: bool) -> bool:  # noqa: FBT001
        """Ask for a dialog again by a SUBSCRIBE that is later than the one that it was asked for
        by, and so perhaps than those elsewhere; whether there is one.
        """
        waiting = self._waiting[tag]
        latest = max((one.incoming.request.cseq for one in waiting), default=0)
        if latest > cseq or (is_back and latest == cseq):
            self._ask(tag, latest, waiting, is_back=False)
            return True
        latest = self._taking.answered(tag)
        if latest > cseq:
            self._ask(tag, latest, waiting, is_back=True)
        return latest > cseq

    def _fetched(self, tag: bytes, row: DialogRow, error: StoreError | None, now: float) -> None:
        if self._taking.is_moved(row.row, now):
            self._taken_away(tag, now)
            return
        # It may have come another way meanwhile, and have ended since.
        if not self._taking.is_over(row):
            self._taking.adopted(row, now)
        for arrival in self._done(tag):
            if error is not None:
                self._turn_down(arrival, refusal_for(error))
            elif arrival.incoming.recipient.tag and not self._taking.has(tag):
                # It has expired, or cannot be read.
                self._turn_down(arrival, refusal(481))
            else:
                self._serve_one(arrival, now)

    def _taken_away(self, tag: bytes, now: float) -> None:
        """Another node was faster."""
        waiting = self._done(tag)
        left = [one for one in waiting if one.moves < MOVES]
        for arrival in waiting:
            if arrival.moves >= MOVES:
                self._turn_down(arrival, refusal_for(_too_often()))
        if not left:
            self._taking.taken_away(tag, now)
        for arrival in left:
            arrival.moves += 1
            self.wait(tag, arrival)

    def _done(self, tag: bytes) -> list[Arrival]:
        """Who has waited for a dialog, and waits no more."""
        waiting = self._waiting.pop(tag)
        self._arrivals -= len(waiting)
        for arrival in waiting:
            self._keys.discard(arrival.incoming.key)
        return waiting

    def _serve_one(self, arrival: Arrival, now: float) -> None:
        try:
            self._serve(arrival, now)
        except _REFUSED as error:
            self._turn_down(arrival, refusal_for(error))

    def _turn_down(self, arrival: Arrival, refused: RefusedError) -> None:
        self._refuse(arrival.incoming, refused, arrival.transaction)


def _too_often() -> StoreError:
    return StoreError("store_moved", "other nodes take the dialog again and again")


def _refusal_of(found: Gone) -> RefusedError:
    if found is _UNKNOWN:
        return refusal(481)
    if found is _ELSEWHERE:
        return refusal(500, OUT_OF_ORDER)
    return refusal_for(StoreError("store_unavailable", "nobody can say whose the dialog is"))
