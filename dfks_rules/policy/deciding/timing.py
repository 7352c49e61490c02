"""What gets show otherwise as time passes, and when next."""

from datetime import datetime
from typing import NamedTuple

from dfks_rules.model.features import FEATURES, Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.matching import Situations
from dfks_rules.policy.language.edges import TIMED, next_of_atoms
from dfks_rules.policy.language.matchers import Atom


class Timing(NamedTuple):
    """What of all gets depends on the time."""

    features: tuple[Feature, ...]
    """Those of which a rule that reads the time may show something else than what is stored."""
    atoms: tuple[Atom, ...]
    """The tests of the time in rules about them."""

    def next_edge(self, after: datetime) -> datetime | None:
        """When one of the tests may come out differently; None: within a month none does."""
        return next_of_atoms(self.atoms, after)


NEVER = Timing((), ())
"""Gets show the same at all times."""


def timing_of(everything: Situations, reads_on_get: frozenset[str] | None) -> Timing:
    """What of all gets depends on the time.

    Args:
        everything: what can be asked.
        reads_on_get: see `PolicySet.reads_on_get`.
    """
    if reads_on_get is None or TIMED.isdisjoint(reads_on_get):
        return NEVER
    gets = [(key[1], one) for key, one in everything.items() if key[0] is Operation.GET]
    timed = [(feature, one) for feature, one in gets if not TIMED.isdisjoint(one.facts)]
    atoms = {
        literal.atom: None
        for _, one in timed
        for shard in one.shards
        for _, literals in shard.plan.content
        for literal in literals
        if not TIMED.isdisjoint(literal.atom.facts)
    }
    features = {feature for feature, _ in timed}
    return Timing(tuple(one for one in FEATURES if one in features), tuple(atoms))
