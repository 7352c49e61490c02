"""Sets that follow for the members of a group: where there are any, the directory says.

Proofs know no directory. In a domain in which a group has no members nothing follows, and where it
has some, that shows only there: so such domains have to be among those that are tried.
"""

from collections.abc import Collection, Sequence

from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.proof.space import Cell
from dfks_rules.policy.site.directory import Directory

MAX_HOSTS = 4
"""Most domains that are tried for each group, those with the most members."""


class Members:
    """Who is in groups, as some directories say."""

    def __init__(self, directories: Collection[Directory]) -> None:
        self._directories = directories
        self._hosts: dict[str, list[str]] = {}
        """Group → the domains in which it has members; those with the most come first."""

    def hosts(self, rules: Sequence[Rule], cell: Cell) -> frozenset[str]:
        """Domains to try, of those that no rule names.

        Args:
            rules: some of the rules of a case.
            cell: the domains of the case.
        """
        if cell.domain is not None:
            return frozenset()
        groups = {one.group for rule in rules for one in rule.effects.also if one.group is not None}
        return frozenset(
            host
            for group in groups
            for host in [one for one in self._of(group) if one not in cell.named][:MAX_HOSTS]
        )

    def without_empty(self, rules: Sequence[Rule], cell: Cell) -> list[Rule]:
        """The rules without sets for groups that have no members in these domains."""
        return [self._without_empty(rule, cell) for rule in rules]

    def _without_empty(self, rule: Rule, cell: Cell) -> Rule:
        effects = rule.effects
        kept = tuple(
            one for one in effects.also if one.group is None or self._is_there(one.group, cell)
        )
        if len(kept) == len(effects.also):
            return rule
        return rule._replace(effects=effects._replace(also=kept))

    def _is_there(self, group: str, cell: Cell) -> bool:
        hosts = self._of(group)
        if cell.domain is not None:
            return cell.domain in hosts
        return any(host not in cell.named for host in hosts)

    def _of(self, group: str) -> list[str]:
        if group not in self._hosts:
            counts: dict[str, int] = {}
            for one in self._directories:
                for domain in one.domains:
                    count = len(one.members_of(domain, group))
                    counts[domain] = max(counts.get(domain, 0), count)
            there = [domain for domain, count in counts.items() if count]
            self._hosts[group] = sorted(there, key=lambda domain: (-counts[domain], domain))
        return self._hosts[group]
