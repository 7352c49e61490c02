"""In what two sets of rules may differ, each as a formula: where they do.

Parts are named as in a case's `expect`. Where only one of the two refuses a request nothing else is
compared, as what is told and stored follows from that (`compare.what_differs`).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from dfks_rules.model.decisions import Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import ROWS, VALUES_OF
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import Value
from dfks_rules.policy.language.expiry import During
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import PLACEHOLDER
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.exact import exact
from dfks_rules.policy.proof.formulas import Formula, Formulas
from dfks_rules.policy.proof.meaning import UNSET, Chain, Entry, first_of
from dfks_rules.policy.proof.search import Point
from dfks_rules.policy.proof.sequences import unlike_sequences, where_they_part
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.terms import Spread, is_choice, is_constant

Alike = Callable[[Hashable, Hashable], Formula]
"""When two things said come to the same; None in its place: when they are the same."""


class Aspect(NamedTuple):
    """One part of a decision in which two sets of rules may differ."""

    name: str
    """What differs, for people who look for mistakes in here."""
    goal: Formula
    """Where they differ."""
    deciders: Callable[[Point], Formula]
    """A request in which they differ → all that the same two rules decide."""
    unsure: Callable[[], set[str]]
    """Facts of which the goal may say too much; empty where it is exact."""


def aspects(old: Decided, new: Decided) -> Iterator[Aspect]:
    """All parts of a decision, one after the other; those that cannot differ are left out."""
    space = old.space
    operation, feature = space.question
    formulas = space.formulas
    yield _decision(old, new)
    denied = formulas.all_of((old.denied, new.denied))
    denials = (old.meaning.denials, new.meaning.denials)
    yield _chained("denial", space, denials, denied, None, None, lambda: _facts_of(denials))
    either = formulas.alike(old.denied, new.denied)
    yield _sequence("log", space, (old.meaning.logs, new.meaning.logs), either)
    if operation is Operation.SUBSCRIBE or feature is None:
        return
    allowed = formulas.all_of((old.allowed, new.allowed))
    for name in ("notify", "assigned"):
        default = NotifyScope.ALL if name == "notify" else ROWS[feature].assigned
        where = either if name == "notify" else allowed
        if name == "assigned" and operation is Operation.GET:
            gone = old.answered(DenialAnswer.UNASSIGNED, DenialAnswer.REJECT)
            where = formulas.all_of((either, formulas.negation(gone)))
        chains = (old.meaning.fields[name], new.meaning.fields[name])
        yield _chained(name, space, chains, where, None, default)
    if ROWS[feature].spelling is None:
        yield _status(old, new, allowed)
        for value in VALUES_OF[feature]:
            yield _value(old, new, value, allowed)
    else:
        yield from _spelled(old, new, allowed)
    if operation is Operation.SET:
        yield _expiry(old, new, allowed)
        yield _sequence("also", space, (old.meaning.also, new.meaning.also), allowed)


def _nothing() -> set[str]:
    return set()


def _decision(old: Decided, new: Decided) -> Aspect:
    formulas = old.space.formulas
    before = {entry.when.number: entry.when for entry in old.meaning.denials}
    after = {entry.when.number: entry.when for entry in new.meaning.denials}
    both = [when for number, when in before.items() if number in after]
    gone = formulas.any_of(when for number, when in before.items() if number not in after)
    added = formulas.any_of(when for number, when in after.items() if number not in before)
    goal = formulas.all_of((formulas.none_of(both), formulas.unlike(gone, added)))
    name = "allow" if old.space.question[0] is Operation.SUBSCRIBE else "status"

    def deciders(point: Point) -> Formula:
        parts = []
        for side in (old, new):
            refused = formulas.holds(side.denied, point)
            chain = side.meaning.denials if refused else side.meaning.fields[name]
            parts.append(decided_there(chain, point, formulas))
            parts.append(side.denied if refused else side.allowed)
        return formulas.all_of(parts)

    return Aspect("decision", goal, deciders, _nothing)


def decided_there(chain: Chain, point: Point, formulas: Formulas) -> Formula:
    """All requests in which the same entry of a chain counts as at a point, or none as there."""
    before: list[Formula] = []
    for entry in chain:
        if formulas.holds(entry.when, point):
            return formulas.all_of((formulas.none_of(before), entry.when))
        before.append(entry.when)
    return formulas.none_of(before)


def _chained(  # noqa: PLR0913 - two chains, and what to make of them
    name: str,
    space: Space,
    chains: tuple[Chain, Chain],
    where: Formula,
    alike: Alike | None,
    default: Hashable,
    unsure: Callable[[], set[str]] = _nothing,
) -> Aspect:
    formulas = space.formulas
    goal = formulas.all_of((where, unlike_chains(*chains, alike, default, formulas)))

    def deciders(point: Point) -> Formula:
        return formulas.all_of(decided_there(chain, point, formulas) for chain in chains)

    return Aspect(name, goal, deciders, unsure)


def unlike_chains(
    one: Chain, other: Chain, alike: Alike | None, default: Hashable, formulas: Formulas
) -> Formula:
    """Where two chains come to different things.

    Args:
        one: a chain.
        other: another.
        alike: when two things said come to the same; None: only when they are the same.
        default: what counts where no entry applies, or one that leaves it unset.
        formulas: of the space.
    """
    start = 0
    while start < min(len(one), len(other)) and _is_same(one[start], other[start]):
        start += 1
    if start == len(one) == len(other):
        return formulas.false
    before = formulas.none_of(entry.when for entry in one[:start])
    left, right = (whole(chain[start:], default, formulas) for chain in (one, other))
    parts = []
    for key, (said, when) in left.items():
        alone = alike is None or _stands_alone(said)
        same = [right[key][1]] if alone and key in right else []
        if alike is not None:
            same += [
                formulas.all_of((when_there, alike(said, said_there)))
                for said_there, when_there in right.values()
                if not (alone and _stands_alone(said_there))
            ]
        parts.append(formulas.all_of((when, formulas.none_of(same))))
    return formulas.all_of((before, formulas.any_of(parts)))


def _stands_alone(said: Hashable) -> bool:
    """Whether something is like nothing else that stands alone."""
    return is_constant(said) and said not in ("request", "stored")


def _is_same(one: Entry, other: Entry) -> bool:
    return one.when is other.when and one.key == other.key


def whole(
    chain: Chain, default: Hashable, formulas: Formulas
) -> dict[Hashable, tuple[Hashable, Formula]]:
    """What a chain comes to, always something."""
    usual = tuple(entry._replace(said=default) if entry.said is UNSET else entry for entry in chain)
    return first_of((*usual, Entry(formulas.true, default, "")), formulas).said


def _status(old: Decided, new: Decided, where: Formula) -> Aspect:
    formulas = old.space.formulas

    def alike(one: Hashable, other: Hashable) -> Formula:
        return formulas.alike(old.bit(one), old.bit(other))

    chains = (old.meaning.fields["status"], new.meaning.fields["status"])
    return _chained("status", old.space, chains, where, alike, "request")


def _expiry(old: Decided, new: Decided, where: Formula) -> Aspect:
    """When what is switched on is switched off; two ways to say it may come to the same moment."""
    space, formulas = old.space, old.space.formulas

    def never(said: Hashable) -> Formula:
        if isinstance(said, During):
            return formulas.negation(space.test(hours_of(said)))
        return formulas.truth(of=said is None)

    def alike(one: Hashable, other: Hashable) -> Formula:
        if exact(one) == exact(other):
            return formulas.true
        return formulas.all_of((never(one), never(other)))

    chains = (old.meaning.fields["expire"], new.meaning.fields["expire"])
    on = formulas.all_of((where, old.on, new.on))
    return _chained("expires", space, chains, on, alike, None, lambda: {"now"})


def hours_of(expire: During) -> Atom:
    """The test that a moment is within the hours at whose end something expires."""
    return Atom("now", "during", expire.schedule)


def _value(old: Decided, new: Decided, value: Value, where: Formula) -> Aspect:
    terms = old.value_terms(value)

    chains = (old.meaning.fields[value.value], new.meaning.fields[value.value])
    unsure = lambda: terms.unsure  # noqa: E731 - it grows while the goal is made
    return _chained(value.value, old.space, chains, where, terms.alike, UNSET, unsure)


def _spelled(old: Decided, new: Decided, where: Formula) -> Iterator[Aspect]:
    """Status, word and excuse of a feature whose status a word spells out."""
    space, formulas = old.space, old.space.formulas
    feature = space.question[1]
    spelling = ROWS[feature].spelling if feature else None
    if feature is None or spelling is None:
        return
    named = ("status", spelling.value.value)
    chains = [[side.meaning.fields[name] for side in (old, new)] for name in named]
    same = all(_same_chains(*pair) for pair in chains)
    goals = [] if same else [formulas.unlike(old.on, new.on), unlike_spreads(old, new)]

    def deciders(point: Point) -> Formula:
        every = [chain for pair in chains for chain in pair]
        return formulas.all_of(decided_there(chain, point, formulas) for chain in every)

    goal = formulas.all_of((where, formulas.any_of(goals)))
    yield Aspect(spelling.value.value, goal, deciders, _nothing)
    for value in VALUES_OF[feature]:
        if not is_choice(value):
            there = where
            if value is spelling.excuse:
                there = formulas.all_of((where, old.excused, new.excused))
            yield _value(old, new, value, there)


def _same_chains(one: Chain, other: Chain) -> bool:
    return len(one) == len(other) and all(map(_is_same, one, other))


def unlike_spreads(old: Decided, new: Decided) -> Formula:
    """Where the word differs."""
    formulas = old.space.formulas
    before: Spread = old.word
    after: Spread = new.word
    return formulas.any_of(
        formulas.all_of((when, formulas.negation(after.get(word, formulas.false))))
        for word, when in before.items()
    )


def _sequence(
    name: str, space: Space, sequences: tuple[Sequence[Entry], Sequence[Entry]], where: Formula
) -> Aspect:
    formulas = space.formulas
    goal = formulas.all_of((where, unlike_sequences(*sequences, formulas)))

    def deciders(point: Point) -> Formula:
        return formulas.all_of(where_they_part(*sequences, point, formulas))

    return Aspect(name, goal, deciders, lambda: _facts_of(sequences))


def _facts_of(sequences: Iterable[Sequence[Entry]]) -> set[str]:
    """Facts that fill in what is said: lines, or sets that follow, may come to the same."""
    found: set[str] = set()
    for entry in (entry for sequence in sequences for entry in sequence):
        text = entry.said.text if isinstance(entry.said, Denial) else entry.said
        if isinstance(text, str):
            found |= set(PLACEHOLDER.findall(text))
        else:
            found |= getattr(entry.said, "facts", frozenset())
    return found
