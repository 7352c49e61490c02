"""The values that stand for all of a fact, remembered: tenants often test the same things."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import equal_to
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.addresses import distinct_addresses
from dfks_rules.policy.proof.moments import distinct_moments
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.numbers import bounds_of, distinct_counts, distinct_ips
from dfks_rules.policy.proof.shapes import shape_of, with_extremes
from dfks_rules.policy.proof.texts import distinct_texts
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.site.targets import CLASSES

_REMEMBERED = 4_096
_COUNTRIES = ("AQ", "BV", "HM")
"""Of which no policy names all three: nobody lives there."""


class Horizon(NamedTuple):
    """For when, and where, something is proved."""

    zone: tzinfo = ZoneInfo("UTC")
    """The server's time zone."""
    years: range = range(2025, 2029)
    """The years."""

    def __str__(self) -> str:
        return f"for {self.years[0]} to {self.years[-1]}, server in {self.zone}"


addresses = lru_cache(_REMEMBERED)(distinct_addresses)
_counts = lru_cache(_REMEMBERED)(distinct_counts)
_ips = lru_cache(_REMEMBERED)(distinct_ips)


@lru_cache(_REMEMBERED)
def moments(atoms: tuple[Atom, ...], horizon: Horizon) -> tuple[datetime, ...]:
    """Moments that stand for all."""
    return distinct_moments(atoms, zone=horizon.zone, years=horizon.years)


def values(fact: str, needs: Needs) -> tuple[FactValue, ...]:
    """Values that stand for all values that a fact can have, if it is present.

    Not for addresses, moments and names.

    Raises:
        Undecided: a test is opaque, or proofs do not know facts of this type.
    """
    kind = known_fact(fact).kind
    if kind in _FEW:
        return known_fact(fact).words or _FEW[kind]
    if kind not in _OF_KIND:
        raise Undecided(phrase("proofs do not know facts like `{fact}`", fact=fact))
    return _OF_KIND[kind](fact, needs)


def _texts_of(fact: str, needs: Needs) -> tuple[FactValue, ...]:
    linked = needs.linked_to(fact)
    shape, own = shape_of(*sorted(linked)), shape_of(fact)
    if not needs.filled.isdisjoint(linked):
        shape = with_extremes(shape)
    found = distinct_texts(needs.tests_of(*sorted(linked)), shape=shape, copies=len(linked))
    return tuple(text for text in found if own.has(text))


def _constants_and(others: tuple[str, ...], atoms: tuple[Atom, ...]) -> tuple[FactValue, ...]:
    """The constants of tests, and some other value."""
    found: dict[FactValue, None] = {}
    for atom in atoms:
        constants = equal_to(atom)
        if atom.matcher == "in" and isinstance(atom.operand, NamedList):
            constants = frozenset[FactValue](atom.operand.entries)
        if constants is None and atom.matcher != "exists":
            raise Undecided(
                phrase(
                    "proofs do not know `{matcher}` of `{fact}`",
                    matcher=atom.matcher,
                    fact=atom.fact,
                )
            )
        found |= dict.fromkeys(sorted(constants or (), key=repr))
    if "unknown" in others:  # the class of what is no number
        found.setdefault("unknown")
    found |= dict.fromkeys([one for one in others if one not in found][:1])
    return tuple(found)


def _counts_of(fact: str, needs: Needs) -> tuple[FactValue, ...]:
    linked = sorted(needs.linked_to(fact))
    bounds = [bounds_of(one) for one in linked]
    among = range(min(one.start for one in bounds), max(one.stop for one in bounds))
    edges = {edge for one in bounds for edge in (one.start, one.stop)}
    cuts = {cut for one in linked for cut in needs.cuts.get(one, ())}
    cuts |= edges - {among.start, among.stop}
    found = _counts(needs.tests_of(*linked), tuple(sorted(cuts)), among=among, copies=len(linked))
    return tuple(count for count in found if count in bounds_of(fact))


_FEW: dict[Kind, tuple[FactValue, ...]] = {
    Kind.WORD: (),
    Kind.STATUS: (0, 1),
    Kind.FLAG: (False, True),
}
"""Type of fact → all its values; words are the fact's own."""
_OF_KIND: dict[Kind, Callable[[str, Needs], tuple[FactValue, ...]]] = {
    Kind.CLASS: lambda fact, needs: _constants_and(CLASSES, needs.tests_of(fact)),
    Kind.COUNTRY: lambda fact, needs: _constants_and(_COUNTRIES, needs.tests_of(fact)),
    Kind.IP: lambda fact, needs: _ips(needs.tests_of(fact), copies=len(needs.linked_to(fact))),
    Kind.COUNT: _counts_of,
    Kind.TEXT: _texts_of,
    Kind.DOMAIN: _texts_of,
}
"""Type of fact → values that stand for all."""
