"""Groups that rules test but no directory has."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.policy.lint.ranked import RankedRule
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.words.wording import did_you_mean, quoted


def unknown_groups(rules: Iterable[RankedRule], directory: Directory) -> Iterator[Finding]:
    """Findings `policy_unknown_group`; none if no directory lists members of a group."""
    known = directory.groups
    if not known:
        return
    for rule in rules:
        asked = {
            name
            for way in rule.ways
            for atom, _ in way.groups.get("groups", ())
            if atom.matcher == "has" and isinstance(atom.operand, tuple)
            for name in atom.operand
        }
        for name in sorted(asked - known):
            hint = did_you_mean(name, known)
            message = f"nobody is in group {quoted(name)}{hint}, which rule `{rule.name}` tests"
            yield rule.finding("policy_unknown_group", message)
