"""Files → all that a policy set is made of, as values: no engine, fit for another process."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.matching import Sharding, sharding_of
from dfks_rules.policy.language.document import Mode, Rule
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.site import Site


class Listed(NamedTuple):
    """One policy of a set, for people."""

    file: str
    """Path as it was given."""
    name: str
    """`metadata.name`."""
    rules: int
    """How many rules take part in decisions; 0 for `mode: off`."""


class CompiledPolicies(NamedTuple):
    """Policy files that were checked and compiled."""

    rules: tuple[Rule, ...]
    """Every rule in force, in order of precedence."""
    sharding: Sharding
    """Their conditions, as the engine is given them."""
    policies: tuple[Listed, ...]
    """The files that were read, in the given order."""
    revision: str
    """First 12 hexadecimal digits of the hash of all files."""
    site: Site
    """What the Directory and NumberPlan files say."""


def compile_policies(sources: Sequence[Source]) -> CompiledPolicies:
    """Check and compile files; none at all is a policy set too, which keeps what was set.

    Args:
        sources: in the order that decides between policies of one band and priority.

    Raises:
        PolicyError: with every finding in every file; nothing is kept of the others.
    """
    checked, findings, site = check(sources)
    if any(finding.severity == "error" for finding in findings):
        raise PolicyError(findings)
    # The sort is stable: files, and rules in a file, stay in their order.
    enforced = sorted(
        (one for one in checked if one.policy.mode is not Mode.OFF),
        key=lambda one: (one.policy.band, -one.policy.priority),
    )
    policies = tuple(
        Listed(
            one.source.file,
            one.policy.name,
            0 if one.policy.mode is Mode.OFF else len(one.policy.rules),
        )
        for one in checked
    )
    return CompiledPolicies(
        tuple(rule for one in enforced for rule in one.policy.rules),
        sharding_of(
            [
                (ways, rule.effects.facts)
                for one in enforced
                for rule, ways in zip(one.policy.rules, one.alternatives, strict=True)
            ]
        ),
        policies,
        revision_of(sources),
        site,
    )


def revision_of(sources: Sequence[Source]) -> str:
    """Of the content and whose it is, so that nodes with other paths agree."""
    digest = hashlib.sha256()
    for source in sources:
        owner = "" if source.tenant is None else f"{source.tenant}\n"
        digest.update(hashlib.sha256((owner + source.text).encode(errors="replace")).digest())
    return digest.hexdigest()[:12]
