r"""A history with faults in it → what should not have happened.

    violations = check(history, mirrors=[("sip:boss@x", "sip:secretary@x")], bound=5.0)
    assert violations == [], "\n".join(map(str, violations))

`history` holds the events of `tests.helpers.history`, in any order:

| event | who knows it | when it is to be added |
|---|---|---|
| `Asked(at, request, presentity, states)` | phone | before a SUBSCRIBE with sets is first sent |
| `Answered(at, request, status)` | phone | its final response is read, the first time |
| `Granted(at, dialog, presentity, until)` | phone | each 2xx to a SUBSCRIBE that leaves a dialog |
| `Ended(at, dialog, why)` | phone, network | unsubscribed, given up, NOTIFY with `terminated` |
| `Gone(at, dialog, asked)` | phone | each 481 to a SUBSCRIBE in a dialog |
| `Told(at, dialog, presentity, cseq, states, content, taken)` | phone | each NOTIFY that is read |
| `Began(at, tag, term)` | engine | a dialog is another node's from now on |
| `Served(at, tag, cseq, by)` | network | a node answers a SUBSCRIBE in a dialog by 2xx |
| `Lapsed(at, life)` | engine | a life of a node has ended |
| `Owned(tag, by, latest)` | engine | at the end, each dialog |
| `Quiet(at)` | nemesis | no more faults and sets from now on |
| `Stored(at, seq, presentity, revision, feature, after, before)` | journal | at the end, each row |
| `Held(presentity, revision, states)` | store | at the end, each presentity |
| `Over(at)` | nemesis | at the end |

Since states are unique and rows carry their revision, the order of all sets is given, and nothing
is searched: the time is O(n log n).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import zip_longest
from math import inf
from typing import NamedTuple, TypeVar

from tests.helpers.history import (
    Answered,
    Asked,
    Began,
    Ended,
    Event,
    Gone,
    Granted,
    Held,
    Lapsed,
    Over,
    Owned,
    Quiet,
    Served,
    Stored,
    Told,
)

TERM_BITS = 11
"""CSeq of a NOTIFY = term · 2¹¹ + n."""
OFF = "off"
"""The state of a feature of which nothing is stored."""

_Kind = TypeVar("_Kind")

SETTLED = 20.0
"""Seconds after the last answer in a dialog within which nodes agree on whose it is."""
FEED_LATE = 12.0
"""Seconds by which a node that has taken a dialog over may be behind: while the engine hangs, or as
it was paused, and says something before it notices.
"""


class Rule(StrEnum):
    """What must hold, as the violations name it."""

    REVISIONS = "revisions 1..n without hole or twin"
    ANSWERED_ONCE = "an answered set is stored exactly once"
    AT_MOST_ONCE = "a set is stored at most once"
    ORDER = "what ended before another began has the lower revision"
    HELD = "what is held is the newest in the journal"
    MIRRORED = "mirrored users are equal"
    CSEQ = "no CSeq twice in a dialog with different content"
    BACKWARDS = "no older state under a higher CSeq"
    UNKNOWN_STATE = "what is told is, or was, stored"
    GONE = "no 481 for a subscription that lives"
    UNTOLD = "every watcher is told the newest state in time"
    OWNER = "a dialog has one node at a time"
    LAST = "who answered last in a dialog has it in the end"


class Violation(NamedTuple):
    """One thing that should not have happened."""

    rule: Rule
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


class _Period(NamedTuple):
    """A state of one feature, and from when until when it was that."""

    revision: int
    """It held from this one …"""
    until_revision: float
    """… until the one before this."""
    since: float
    until: float
    state: str


class _Set(NamedTuple):
    """One state that a request asked for."""

    began: float
    ended: float
    """`inf` where no answer came."""
    is_kept: bool
    """Whether the answer said so."""
    request: str
    presentity: str
    feature: str
    state: str


def check(
    history: Iterable[Event],
    *,
    mirrors: Sequence[tuple[str, str]] = (),
    mirrored: Sequence[str] = ("CallForwardingAlways",),
    bound: float = 5.0,
    slack: float = 0.0,
    several: bool = False,
) -> list[Violation]:
    """What should not have happened; empty where all is well.

    Args:
        history: the events, in any order.
        mirrors: pairs of presentities that a rule keeps equal.
        mirrored: the features in which they are equal.
        bound: seconds after `Quiet` within which every watcher has been told the newest state.
        slack: seconds by which times of the journal may differ from those of phones.
        several: whether there were several nodes. One that has lost a dialog, and does not know
            yet, may tell it something newer than its successor has; its CSeq is lower.
    """
    kinds: defaultdict[type, list[Event]] = defaultdict(list)
    last = -inf
    for event in history:
        kinds[type(event)].append(event)
        if not isinstance(event, Stored | Held | Owned):
            last = max(last, event.at)
    checker = _Checker(kinds, last, slack, several=several)
    found = [
        *checker.revisions(),
        *checker.sets(),
        *checker.order(),
        *checker.held(),
        *checker.pairs(mirrors, mirrored),
        *checker.dialogs(),
        *checker.gone(),
        *checker.owners(),
        *checker.last_answered(),
    ]
    if Quiet in kinds:
        found += checker.untold(bound)
    return found


class _Checker:
    """The rules, on one history."""

    def __init__(
        self, kinds: dict[type, list[Event]], last: float, slack: float, *, several: bool
    ) -> None:
        self._stored: list[Stored] = sorted(_only(kinds, Stored), key=lambda one: one.seq)
        self._held = list(_only(kinds, Held))
        self._told: list[Told] = sorted(_only(kinds, Told), key=lambda one: one.at)
        self._granted: list[Granted] = sorted(_only(kinds, Granted), key=lambda one: one.at)
        self._gone = list(_only(kinds, Gone))
        self._quiet = max((one.at for one in _only(kinds, Quiet)), default=inf)
        self._over = max((one.at for one in _only(kinds, Over)), default=last)
        self._slack = slack
        self._several = several
        self._ended: dict[str, float] = {}
        for ended in _only(kinds, Ended):
            self._ended[ended.dialog] = min(ended.at, self._ended.get(ended.dialog, inf))
        self._begun = list(_only(kinds, Began))
        self._began = {(one.tag, one.term): one.at for one in self._begun}
        self._served = list(_only(kinds, Served))
        self._lapsed = {one.life for one in _only(kinds, Lapsed)}
        self._owned = list(_only(kinds, Owned))
        self._lines = _lines_of(self._stored)
        self._periods: defaultdict[tuple[str, str, str], list[_Period]] = defaultdict(list)
        for key, line in self._lines.items():
            for period in line:
                self._periods[*key, period.state].append(period)
        answers: dict[str, Answered] = {}
        for answer in sorted(_only(kinds, Answered), key=lambda one: one.at):
            answers.setdefault(answer.request, answer)
        self._asked: defaultdict[tuple[str, str, str], list[_Set]] = defaultdict(list)
        for asked in _only(kinds, Asked):
            for feature, state in asked.states.items():
                one = _set_of(asked, answers.get(asked.request), feature, state)
                self._asked[asked.presentity, feature, state].append(one)

    def revisions(self) -> Iterator[Violation]:
        """Revisions of a presentity are 1…n in the order of the journal; states follow on."""
        newest: dict[str, tuple[int, set[str]]] = {}
        states: dict[tuple[str, str], str] = {}
        for row in self._stored:
            revision, features = newest.get(row.presentity, (0, set()))
            if row.revision == revision + 1:
                revision, features = row.revision, set()
                newest[row.presentity] = (revision, features)
            if row.revision != revision or row.feature in features:
                yield Violation(Rule.REVISIONS, f"{row} comes after revision {revision}")
                newest[row.presentity] = (row.revision, {row.feature})
            features.add(row.feature)
            key = (row.presentity, row.feature)
            if row.before not in (None, states.get(key, OFF)):
                yield Violation(Rule.REVISIONS, f"{row} does not follow {states.get(key, OFF)!r}")
            states[key] = row.after

    def sets(self) -> Iterator[Violation]:
        """An answered set is stored exactly once, any other one at most once."""
        for (presentity, feature, state), sets in self._asked.items():
            periods = self._of(presentity, feature, state)
            times = sum(1 for period in periods if period.revision)
            if times > len(sets):
                text = f"{presentity} {feature} {state!r}: {times} times, by {_requests(sets)}"
                yield Violation(Rule.AT_MOST_ONCE, text)
            for one in sets:
                is_only = len(sets) == 1 and state != OFF
                if one.is_kept and not self._held_while(periods, one, is_only=is_only):
                    yield Violation(Rule.ANSWERED_ONCE, f"{one}")

    def _held_while(self, periods: list[_Period], one: _Set, *, is_only: bool) -> bool:
        """Whether what was asked for held at some moment between the request and its answer."""
        if is_only and not any(period.revision for period in periods):
            return False
        began, ended = one.began - self._slack, one.ended + self._slack
        return any(period.since <= ended and began <= period.until for period in periods)

    def order(self) -> Iterator[Violation]:
        """If a ended before b began, a has the lower revision."""
        revisions: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for row in self._stored:
            revisions[row.presentity, row.feature, row.after].append(row.revision)
        known: defaultdict[str, list[tuple[_Set, int]]] = defaultdict(list)
        for key, asked in self._asked.items():
            its = revisions[key]
            if len(its) == len(asked) == 1:
                known[key[0]].append((asked[0], its[0]))
        for sets in known.values():
            by_end = sorted(
                ((one, revision) for one, revision in sets if one.is_kept),
                key=lambda pair: pair[0].ended,
            )
            done = 0
            newest: tuple[int, _Set | None] = (0, None)
            for one, revision in sorted(sets, key=lambda pair: pair[0].began):
                while done < len(by_end) and by_end[done][0].ended < one.began:
                    newest = max(newest, (by_end[done][1], by_end[done][0]), key=lambda n: n[0])
                    done += 1
                if newest[0] > revision:
                    text = f"revision {revision} of {one}, but {newest[0]} of {newest[1]}"
                    yield Violation(Rule.ORDER, text)

    def held(self) -> Iterator[Violation]:
        """What is held at the end is what the journal says last."""
        newest: dict[str, int] = {}
        for row in self._stored:
            newest[row.presentity] = row.revision
        held = {one.presentity: one for one in self._held}
        for presentity in newest.keys() | held.keys() if held else ():
            one, revision = held.get(presentity), newest.get(presentity, 0)
            if one is None or one.revision != revision:
                text = f"{presentity}: revision {revision} in the journal, held is {one}"
                yield Violation(Rule.HELD, text)
                continue
            features = {row for who, row in self._lines if who == presentity} | one.states.keys()
            for feature in sorted(features):
                last, is_held = self._last(presentity, feature), one.states.get(feature, OFF)
                if last != is_held:
                    text = f"{presentity} {feature}: {last!r} in the journal, held is {is_held!r}"
                    yield Violation(Rule.HELD, text)

    def pairs(
        self, mirrors: Sequence[tuple[str, str]], features: Sequence[str]
    ) -> Iterator[Violation]:
        """Whatever one of a pair gets, the other one gets next."""
        for pair in mirrors:
            for feature in features:
                rows = [r for r in self._stored if r.presentity in pair and r.feature == feature]
                for one, other in zip_longest(rows[::2], rows[1::2]):
                    is_other = other is not None and other.presentity != one.presentity
                    if not is_other or other.after != one.after:
                        yield Violation(Rule.MIRRORED, f"{one} is followed by {other}")
                        break  # From here on everything is out of step.

    def dialogs(self) -> Iterator[Violation]:
        """In each dialog a CSeq says one thing, and a higher one nothing older."""
        dialogs: defaultdict[str, dict[int, Told]] = defaultdict(dict)
        for told in self._told:
            first = dialogs[told.dialog].setdefault(told.cseq, told)
            if first.content != told.content:
                yield Violation(Rule.CSEQ, f"{first} and {told}")
        for dialog, by_cseq in dialogs.items():
            newest: dict[str, tuple[int, Told | None]] = {}
            tag, term = dialog.rpartition(";")[2], 0
            for cseq, told in sorted(by_cseq.items()):
                if self._several and not told.taken:
                    continue
                if cseq >> TERM_BITS != term:
                    term = cseq >> TERM_BITS
                    self._begin(tag, term, told, newest)
                for feature, state in told.states.items():
                    yield from self._goes_on(told, feature, state, newest)

    def _begin(
        self, tag: str, term: int, told: Told, newest: dict[str, tuple[int, Told | None]]
    ) -> None:
        """Whoever has a dialog now knows at least what was stored when it began to; where nobody
        has seen when that was, what was stored a while ago.
        """
        began = self._began.get((tag, term), told.at - FEED_LATE if self._several else None)
        if began is None:
            return
        newest.clear()
        for (who, feature), line in self._lines.items():
            if who == told.presentity:
                stored = [one for one in line if one.since <= began - self._slack]
                newest[feature] = (stored[-1].revision, None)

    def _goes_on(
        self, told: Told, feature: str, state: str, newest: dict[str, tuple[int, Told | None]]
    ) -> Iterator[Violation]:
        """Whether what is told of a feature was stored by then, and is not older than before."""
        before, last = newest.get(feature, (0, None))
        periods = [
            one
            for one in self._of(told.presentity, feature, state)
            if one.since <= told.at + self._slack
        ]
        if not periods:
            yield Violation(Rule.UNKNOWN_STATE, f"{told}: {feature} was never {state!r} until then")
            return
        for period in periods:
            if period.until_revision > before:
                newest[feature] = (max(before, period.revision), told)
                return
        after = last or "another node, by what was stored then"
        yield Violation(Rule.BACKWARDS, f"{told} after {after}")

    def gone(self) -> Iterator[Violation]:
        """A 481 is right only where the subscription had ended."""
        until: defaultdict[str, list[Granted]] = defaultdict(list)
        for granted in self._granted:
            until[granted.dialog].append(granted)
        for gone in self._gone:
            grants = until[gone.dialog]
            known = grants[: bisect_right([one.at for one in grants], gone.asked)]
            is_over = self._ended.get(gone.dialog, inf) < gone.at
            if known and known[-1].until > gone.at and not is_over:
                yield Violation(Rule.GONE, f"{gone}, it was granted by {known[-1]}")

    def owners(self) -> Iterator[Violation]:
        """Each time that a node gets a dialog, its NOTIFYs have a term of their own."""
        seen: set[tuple[str, int]] = set()
        for one in self._begun:
            if (one.tag, one.term) in seen:
                yield Violation(Rule.OWNER, f"{one}, for the second time")
            seen.add((one.tag, one.term))

    def last_answered(self) -> Iterator[Violation]:
        """Of all lives that have answered the last SUBSCRIBE in a dialog, one has it in the end,
        if none of them has ended. Repeats of one may be answered by several.
        """
        last: dict[str, list[Served]] = {}
        for one in self._served:
            those = last.setdefault(one.tag, [one])
            if one.cseq > those[0].cseq:
                last[one.tag] = [one]
            elif one.cseq == those[0].cseq:
                those.append(one)
        for owned in self._owned:
            those = last.get(owned.tag, [])
            lives = {one.by for one in those}
            if not those or those[0].cseq < owned.latest or lives & self._lapsed:
                continue
            is_settled = max(one.at for one in those) + SETTLED < self._over
            if is_settled and owned.by not in lives:
                yield Violation(Rule.LAST, f"{owned}, but {those}")

    def untold(self, bound: float) -> Iterator[Violation]:
        """Each subscription that lives has been told the newest state of each feature."""
        living: dict[str, Granted] = {}
        for one in self._granted:
            if one.until > self._over and self._ended.get(one.dialog, inf) > self._over:
                living.setdefault(one.dialog, one)
        told = self._told_until(
            {dialog: max(self._quiet, one.at) + bound for dialog, one in living.items()}
        )
        features = sorted({row.feature for row in self._stored})
        for dialog, granted in living.items():
            if granted.at + bound > self._over:
                continue  # There was no time to tell it.
            for feature in features:
                last = self._last(granted.presentity, feature)
                knows = told[dialog].get(feature)
                if knows is None or knows.states[feature] != last:
                    text = f"{granted}: newest {feature} is {last!r}, but it knows {knows}"
                    yield Violation(Rule.UNTOLD, text)

    def _told_until(self, times: dict[str, float]) -> defaultdict[str, dict[str, Told]]:
        """What a phone knows of each feature at a time, dialog by dialog."""
        newest: defaultdict[str, dict[str, Told]] = defaultdict(dict)
        for told in self._told:
            if told.taken and told.at <= times.get(told.dialog, -inf):
                for feature in told.states:
                    before = newest[told.dialog].get(feature)
                    if before is None or told.cseq >= before.cseq:
                        newest[told.dialog][feature] = told
        return newest

    def _line(self, presentity: str, feature: str) -> list[_Period]:
        return self._lines.get((presentity, feature)) or [_Period(0, inf, -inf, inf, OFF)]

    def _of(self, presentity: str, feature: str, state: str) -> list[_Period]:
        """When a feature was in a state."""
        if (presentity, feature) in self._lines:
            return self._periods.get((presentity, feature, state), [])
        return self._line(presentity, feature) if state == OFF else []

    def _last(self, presentity: str, feature: str) -> str:
        return self._line(presentity, feature)[-1].state


def _only(kinds: dict[type, list[Event]], kind: type[_Kind]) -> Iterator[_Kind]:
    return (one for one in kinds.get(kind, ()) if isinstance(one, kind))


def _set_of(asked: Asked, answer: Answered | None, feature: str, state: str) -> _Set:
    ended = inf if answer is None else answer.at
    is_kept = answer is not None and 200 <= answer.status < 300
    return _Set(asked.at, ended, is_kept, asked.request, asked.presentity, feature, state)


def _requests(sets: list[_Set]) -> str:
    return ", ".join(one.request for one in sets)


def _lines_of(rows: list[Stored]) -> dict[tuple[str, str], list[_Period]]:
    """What each feature of each presentity was, one state after the other."""
    lines: dict[tuple[str, str], list[_Period]] = {}
    for row in rows:
        line = lines.setdefault((row.presentity, row.feature), [_Period(0, inf, -inf, inf, OFF)])
        last = line[-1]
        # Where the time is not known, any may be right.
        since, until = (-inf, inf) if row.at is None else (row.at, row.at)
        line[-1] = last._replace(until_revision=row.revision, until=until)
        line.append(_Period(row.revision, inf, since, inf, row.after))
    return lines
