"""What rules amount to, for all requests of a space: the twin of `combine.make_plan` in formulas.

A `Chain` says of one part of a decision which rule decides it. Nothing here is approximate; what a
rule says that has no row here makes the question undecided.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.combine import NOT_YOUR_PRESENTITY, fields_of
from dfks_rules.policy.language.document import Effects, Rule
from dfks_rules.policy.language.expiry import DuringOfUser
from dfks_rules.policy.proof.exact import exact
from dfks_rules.policy.proof.formulas import Formula, Formulas
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.undecided import Undecided

KNOWN_EFFECTS = frozenset(
    {
        *("status", "assigned", "notify", "values", "allow", "log", "also", "final", "expire"),
        *("denial", "exceptions", "lifts"),
    }
)
"""Fields of `Effects` that formulas express."""
KNOWN_PARTS = frozenset({"id", "condition", "effects", "shadow", "narrowing"})
"""Fields of `Rule` that formulas express; the narrowing is part of the condition."""


class Unset(Enum):
    """What a final rule says of a field that it does not set."""

    UNSET = "unset"


UNSET = Unset.UNSET
"""No rule sets the field."""
BUILT_IN = ""
"""The id of the rule that nobody wrote: only the presentity's own phones may subscribe."""
_NOTHING = Effects()


class Entry(NamedTuple):
    """What one rule says of one part of a decision."""

    when: Formula
    """When it says so."""
    said: Hashable
    """What it says."""
    rule: str
    """Its id."""

    @property
    def key(self) -> Hashable:
        """What it says, type and all."""
        return exact(self.said)


Chain = tuple[Entry, ...]
"""The first entry that applies counts."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What rules say to one question."""

    denials: Chain = ()
    """Denials; if one applies the request is refused."""
    fields: Mapping[str, Chain] = field(default_factory=dict)
    """Field → who sets it, if the request is not refused."""
    logs: Chain = ()
    """Lines to log: all that apply count, in order."""
    also: Chain = ()
    """Sets that follow: likewise."""


def demand_known(rule: Rule) -> None:
    """Refuses what formulas do not express.

    Raises:
        Undecided: the rule says something of the kind.
    """
    for name, default in Rule._field_defaults.items():
        if name not in KNOWN_PARTS and getattr(rule, name) != default:
            raise Undecided(
                phrase("proofs do not know `{name}`, which `{id}` has", name=name, id=rule.id)
            )
    for name, value in rule.effects._asdict().items():
        if name not in KNOWN_EFFECTS and value != getattr(_NOTHING, name):
            raise Undecided(
                phrase("proofs do not know `{name}`, which `{id}` says", name=name, id=rule.id)
            )


def add_conditions(needs: Needs, rules: Iterable[Rule]) -> None:
    """Adds what these rules test."""
    for rule in rules:
        demand_known(rule)
        needs.condition(rule.condition)
    if needs.question[0] is Operation.SUBSCRIBE:
        needs.link("watcher", "presentity")


def meaning_of(rules: Sequence[Rule], space: Space) -> Meaning:
    """What these rules say.

    Args:
        rules: in order of precedence; those that only shadow say nothing.
        space: of the requests.
    """
    applying = [(space.condition(rule.condition), rule) for rule in rules if not rule.shadow]
    matches = [(when, rule) for when, rule in applying if when is not space.formulas.false]
    return Meaning(
        (*_denials(matches, space.formulas), *_built_in(matches, space)),
        {name: tuple(_field(name, matches, space)) for name in fields_of(*space.question)},
        tuple(
            Entry(when, one.effects.log, one.id)
            for when, one in matches
            if one.effects.log is not None
        ),
        tuple(_also(matches, space)),
    )


_Matches = Sequence[tuple[Formula, Rule]]


def _denials(matches: _Matches, formulas: Formulas) -> Iterator[Entry]:
    """Denials, where no Exception lifts them."""
    lifting: dict[str, list[Formula]] = {}
    for when, rule in matches:
        for lifted in rule.effects.lifts:
            lifting.setdefault(lifted, []).append(when)
    for when, rule in matches:
        if rule.effects.denial is not None:
            counts = formulas.none_of(lifting.get(rule.id, ()))
            yield Entry(formulas.all_of((when, counts)), rule.effects.denial, rule.id)


def _built_in(matches: _Matches, space: Space) -> Iterator[Entry]:
    """Who is not the presentity may subscribe only if a rule says so."""
    if space.question[0] is Operation.SUBSCRIBE:
        formulas = space.formulas
        allowed = first_of(tuple(_field("allow", matches, space)), formulas).where(
            lambda said: said is True
        )
        own = formulas.all_of(
            (space.same("watcher.user", "user"), space.same("watcher.domain", "domain"))
        )
        yield Entry(formulas.none_of((own, allowed)), NOT_YOUR_PRESENTITY, BUILT_IN)


def _field(name: str, matches: _Matches, space: Space) -> Iterator[Entry]:
    """Who sets a field; after a final rule nobody does."""
    for when, rule in matches:
        fields = rule.effects.fields
        said = fields.get(name)
        if isinstance(said, DuringOfUser):
            for zone, there in said.zones:
                is_there = space.equals(said.fact, zone)
                yield Entry(space.formulas.all_of((when, is_there)), there, rule.id)
            yield Entry(when, said.usual, rule.id)
        elif name in fields:
            yield Entry(when, said, rule.id)
        elif rule.effects.final:
            yield Entry(when, UNSET, rule.id)


def _also(matches: _Matches, space: Space) -> Iterator[Entry]:
    """Sets that follow from a set; those of rules after a final one do not."""
    if space.question[0] is not Operation.SET:
        return
    formulas = space.formulas
    goes_on = formulas.true
    for when, rule in matches:
        for one in rule.effects.also:
            yield Entry(formulas.all_of((goes_on, when)), one, rule.id)
        if rule.effects.final:
            goes_on = formulas.all_of((goes_on, formulas.negation(when)))


class First:
    """What the first entry of a chain that applies says."""

    def __init__(self, formulas: Formulas, said: dict[Hashable, tuple[Hashable, Formula]]) -> None:
        self._formulas = formulas
        self.said = said
        """Key → what is said, and when. Never two at once."""
        self.something = formulas.any_of(when for _, when in said.values())
        """When an entry applies at all."""

    def where(self, passes: Callable[[Hashable], bool]) -> Formula:
        """When what is said is one of these things."""
        return self._formulas.any_of(when for said, when in self.said.values() if passes(said))


def first_of(chain: Sequence[Entry], formulas: Formulas) -> First:
    """What a chain says, by what it says."""
    said, _ = _first(chain, formulas)
    return First(formulas, said)


_Said = dict[Hashable, tuple[Hashable, Formula]]


def _first(chain: Sequence[Entry], formulas: Formulas) -> tuple[_Said, Formula]:
    """What a chain says, and when it says nothing; by halves, so that formulas stay shallow."""
    if not chain:
        return {}, formulas.true
    if len(chain) == 1:
        (one,) = chain
        return {one.key: (one.said, one.when)}, formulas.negation(one.when)
    middle = len(chain) // 2
    said, nothing = _first(chain[:middle], formulas)
    later, nothing_later = _first(chain[middle:], formulas)
    for key, (what, when) in later.items():
        then = formulas.all_of((nothing, when))
        before = said.get(key)
        said[key] = (what, then if before is None else formulas.any_of((before[1], then)))
    return said, formulas.all_of((nothing, nothing_later))
