"""Ready-made properties, for those who do not know what to ask."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.policy.language.document import Not
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proof_files import Property, parse_proofs

_FILE = "--usual"
_TEXT = """
apiVersion: dfks/v1
kind: PolicyProof
policies: [.]
proofs:
  - name: switching off is never denied
    when: {op: set, origin: watcher, request.status: 0, watcher: {sameAs: presentity}}
    expect: {decision: allow}
  - name: nobody forwards to emergency numbers
    when: {op: set, request.status: 1, target.class: emergency}
    expect: {decision: deny}
  - name: nobody forwards to himself
    when: {op: set, request.status: 1, target.self: true}
    expect: {decision: deny}
  - name: nobody watches anybody else
    when: {op: subscribe, not: {watcher: {sameAs: presentity}}}
    expect: {decision: deny}
  - name: phones change nobody else's features
    when: {op: set, origin: watcher, not: {watcher: {sameAs: presentity}}}
    expect: {decision: deny}
"""


class Apart(NamedTuple):
    """That a tenant decides nothing for others, as a property with what it is compared with."""

    property: Property
    """What is to be proved."""
    others: tuple[Source, ...]
    """The files without those of the tenant: they decide alike."""


def tenants_apart(sources: Sequence[Source]) -> Iterator[Apart]:
    """For each tenant: its files decide nothing outside its domain.

    Args:
        sources: of all.
    """
    tenants = dict.fromkeys(source.tenant for source in sources if source.tenant is not None)
    for tenant in tenants:
        others = tuple(source for source in sources if source.tenant != tenant)
        elsewhere = Not(Atom("domain", "eq", tenant))
        name = f"tenant {tenant} decides nothing outside its domain"
        yield Apart(Property(name, 0, elsewhere, {}, None, is_some=False), others)


def usual() -> tuple[Property, ...]:
    """Properties that most sites want."""
    return parse_proofs(Source(_FILE, _TEXT)).proofs
