"""What a node knows of presentities, and what its watchers were told last.

The two differ: what is read, after a conflict say, is known at once, but watchers are told of it
when the feed comes to it. So no read swallows a change that nobody was told of.

| input                               | known                           | told                    |
|-------------------------------------|---------------------------------|-------------------------|
| read from the engine                | that, or what is newer          | that, if there was none |
| own commit stored                   | its `after`, or what is newer   | the same, if it was its |
|                                     |                                 | `before`; else what it  |
|                                     |                                 | changes, as it changed  |
| own commit in conflict, or in doubt | must be read                    | stays                   |
| feed                                | that, or what is newer; must be | what is known then; not |
|                                     | read if an own one is under way | known where it was not, |
|                                     |                                 | until it is read        |
| the same, and nobody may be told    | the same                        | that feature as it was  |
|                                     |                                 | set                     |
| more than `at_most` presentities    | the oldest must be read         | not known of these      |
| watchers are taken over             | that                            | not known of what is    |
|                                     |                                 | read from then on       |
"""

from collections import OrderedDict
from typing import NamedTuple, final

from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change


class News(NamedTuple):
    """What the watchers of a presentity are to be told."""

    before: Snapshot | None
    """What they were told until now; None where that is not known: they are told everything."""
    after: Snapshot
    """What they are told from now on: what the feed says, or what is known to be newer."""


@final
class _Entry:
    __slots__ = ("is_certain", "newest", "told")

    def __init__(self) -> None:
        """Nothing is known."""
        self.newest: Snapshot | None = None
        """The newest snapshot that was ever seen."""
        self.is_certain = False
        """Whether that is what is stored, as far as the feed was read."""
        self.told: Snapshot | None = None
        """What watchers know, but for own changes; None where that is not known."""

    def see(self, snapshot: Snapshot) -> bool:
        """This is, or was, stored; whether nothing newer was seen before."""
        newest = self.newest
        is_newest = newest is None or newest.revision <= snapshot.revision
        if is_newest:
            self.newest = snapshot
        return is_newest


@final
class Known:
    """The newest snapshots; the oldest are forgotten first."""

    def __init__(self, at_most: int) -> None:
        """Holds so many presentities at most."""
        self._at_most = at_most
        self._entries: OrderedDict[Aor, _Entry] = OrderedDict()
        self._is_unsure = False
        """Whether somebody may watch a presentity of which nothing is known here."""

    def __len__(self) -> int:
        """How many presentities there are."""
        return len(self._entries)

    def __call__(self, presentity: Aor) -> Snapshot | None:
        """What is stored; None when it must be read."""
        entry = self._entries.get(presentity)
        return entry.newest if entry is not None and entry.is_certain else None

    def expect(self, presentity: Aor) -> object:
        """The engine is being asked: what the feed says meanwhile may be newer than its answer.

        Gives what `read` is given back.
        """
        return self._entries.get(presentity) or self._add(presentity)

    def read(self, presentity: Aor, snapshot: Snapshot, expected: object) -> None:
        """This is what the engine had when it was asked.

        Args:
            presentity: whose.
            snapshot: that.
            expected: what `expect` gave when it was asked; if that is forgotten since, this may be
                old, and is not believed.
        """
        entry = self._entries.get(presentity)
        if entry is None or entry is not expected:
            return
        entry.see(snapshot)
        entry.is_certain = True
        if entry.told is None and not self._is_unsure:
            entry.told = snapshot
        self._entries.move_to_end(presentity)

    def store(self, change: Change) -> None:
        """This was stored, and whoever asked for it has it told."""
        presentity, before, after, _, _ = change
        entry = self._entries.get(presentity) or self._add(presentity)
        if entry.see(after):
            entry.is_certain = True
        told = entry.told
        if told is not None:
            if told.revision == before.revision:
                entry.told = after
            elif told.revision < before.revision:
                # Of what came between, the feed has yet to tell.
                entry.told = Snapshot(told.revision, _passed(told, before, after))
        self._entries.move_to_end(presentity)

    def hear(
        self,
        presentity: Aor,
        snapshot: Snapshot,
        *,
        is_certain: bool,
        hidden: tuple[Feature, FeatureState] | None = None,
    ) -> News | None:
        """The feed says that this is stored; gives what watchers are to be told, if anything.

        Args:
            presentity: whose.
            snapshot: this, or something newer.
            is_certain: whether no commit of this node's is under way.
            hidden: what was set, where watchers may not be told of it. The snapshot may have
                something besides of which they are to be told: they have not been yet.
        """
        entry = self._entries.get(presentity)
        if entry is None:
            return News(None, snapshot)
        before = entry.told
        if before is not None and before.revision >= snapshot.revision:
            return None
        if entry.see(snapshot):
            entry.is_certain = entry.is_certain and is_certain
        newest = entry.newest
        assert newest is not None  # noqa: S101 - it was just seen
        if hidden is None:
            # Who is to be told everything waits for a read where nothing is certain. That may give
            # something newer, so what the feed says meanwhile must not be told as a change of it.
            if before is not None or entry.is_certain:
                entry.told = newest
        elif before is not None:
            passed = before.replace(*hidden)
            is_all = passed.states == newest.states
            entry.told = newest if is_all else Snapshot(before.revision, passed.states)
        return News(before, newest)

    def forget(self, presentity: Aor) -> None:
        """What is stored must be read before it is known again."""
        entry = self._entries.get(presentity)
        if entry is not None:
            entry.is_certain = False

    def others_watch(self) -> None:
        """Who watches here from now on has been told by other nodes, nobody knows what.

        Of what is read next, the feed may still be going to tell: that must not pass for told.
        """
        self._is_unsure = True

    def _add(self, presentity: Aor) -> _Entry:
        entry = self._entries[presentity] = _Entry()
        if len(self._entries) > self._at_most:
            self._entries.popitem(last=False)
            self._is_unsure = True
        return entry


def _passed(told: Snapshot, before: Snapshot, after: Snapshot) -> tuple[FeatureState, ...]:
    """What watchers know who knew `told`, and heard what a change has changed."""
    features = zip(told.states, before.states, after.states, strict=True)
    return tuple([old if was == new else new for old, was, new in features])
