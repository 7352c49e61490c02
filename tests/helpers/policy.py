"""Builders for tests of policies."""

from datetime import UTC, datetime
from textwrap import dedent, indent

from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
PHONE = Requester(Origin.WATCHER, ALICE)
"""Alice's own phone."""
OPERATOR = Requester(Origin.OPERATOR)
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
"""A Monday."""
DND = Feature.DO_NOT_DISTURB
CFA = Feature.CALL_FORWARDING_ALWAYS
CFNA = Feature.CALL_FORWARDING_NO_ANSWER
ON = FeatureState(status=True)


def source(rules: str, head: str = "", name: str = "p") -> Source:
    """A policy file `<name>.yaml`.

    Args:
        rules: the list of rules.
        head: more lines at the top, such as `band: default`.
        name: name of the policy.
    """
    top = f"apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: {name}}}\n{dedent(head)}"
    body = indent(dedent(rules).strip("\n"), "  ")
    return Source(f"{name}.yaml", f"{top.rstrip()}\nrules:\n{body}\n")


def policies(rules: str, head: str = "") -> PolicySet:
    """A policy set of one policy, named `p`."""
    return load([source(rules, head)])


def get(feature: Feature = DND, *, requester: Requester = PHONE) -> FeatureRequest:
    """A get about Alice."""
    return FeatureRequest(Operation.GET, ALICE, requester, feature)


def set_(
    feature: Feature = DND, asked: FeatureState = ON, *, requester: Requester = PHONE
) -> FeatureRequest:
    """A set for Alice."""
    return FeatureRequest(Operation.SET, ALICE, requester, feature, asked)


def subscribe(*, requester: Requester = PHONE) -> FeatureRequest:
    """A request for permission to watch Alice."""
    return FeatureRequest(Operation.SUBSCRIBE, ALICE, requester)


def decide(
    rules: str, request: FeatureRequest, snapshot: Snapshot = NOTHING_STORED, head: str = ""
) -> Decision:
    """The decision of one policy at noon."""
    policy_set = policies(rules, head)
    decision = policy_set.decide(request, snapshot, NOON)
    policy_set.close()
    return decision
