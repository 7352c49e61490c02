"""Ready-made properties, for those who do not know what to ask."""

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


def usual() -> tuple[Property, ...]:
    """Properties that most sites want."""
    return parse_proofs(Source(_FILE, _TEXT)).proofs
