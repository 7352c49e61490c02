"""Rules of equal precedence in different files that decide the same field differently."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.model.decisions import Denial
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Alternative
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.implication import excludes
from dfks_rules.policy.language.possible import why_impossible
from dfks_rules.policy.lint.index import Indexed, Overlapping
from dfks_rules.policy.lint.ranked import RankedRule, Way, fields_of, fields_set


def conflicts(rules: Sequence[RankedRule]) -> list[Finding]:
    """Findings `policy_conflict`, at most one for each rule.

    Args:
        rules: in order of precedence.
    """
    ranks: dict[tuple[int, int], list[RankedRule]] = defaultdict(list)
    for rule in rules:
        ranks[rule.rank].append(rule)
    findings: list[Finding] = []
    for equals in ranks.values():
        if len({rule.file for rule in equals}) > 1:
            findings += _among(equals)
    return findings


def _among(equals: Sequence[RankedRule]) -> Iterator[Finding]:
    earlier = _Earlier()
    for rule in equals:
        found = earlier.conflicting(rule)
        if found:
            other, field = found
            yield rule.finding(
                "policy_conflict",
                phrase(
                    "{told} and {reference} may match together and {what}; "
                    "only their file names decide which wins",
                    told=rule.rule.told,
                    reference=other.reference,
                    what=phrase("deny differently")
                    if field == "deny"
                    else phrase("set `{field}` differently", field=field),
                ),
            )
        earlier.add(rule)


class _Earlier:
    """The rules that precede one, by domain."""

    def __init__(self) -> None:
        self._indexes: dict[FactValue, Overlapping[_Decides]] = defaultdict(Overlapping)

    def add(self, rule: RankedRule) -> None:
        decides = _Decides(rule, _values(rule.rule.effects))
        for way in rule.ways if decides.values else ():
            for domain in way.domains or (None,):
                self._indexes[domain].add(way, decides)

    def conflicting(self, rule: RankedRule) -> tuple[RankedRule, str] | None:
        """The first rule that conflicts with this one, and the field in which they differ."""
        mine = _values(rule.rule.effects)
        for way in rule.ways:
            for other, (earlier, theirs) in self._near(way):
                if earlier.file != rule.file and mine != theirs:
                    field = _difference(mine, theirs, way.questions & other.questions)
                    if field and meet(way, other):
                        return earlier, field
        return None

    def _near(self, way: Way) -> Iterator[Indexed["_Decides"]]:
        domains = list(self._indexes) if way.domains is None else (None, *way.domains)
        for domain in domains:
            if domain in self._indexes:
                yield from self._indexes[domain].candidates(way)


def meet(one: Way, other: Way) -> bool:
    """Whether a request may take both ways: DoNotDisturb, for example, has no target."""
    if excludes(one.groups, other.groups):
        return False
    both = Alternative(one.questions & other.questions, None, one.literals | other.literals)
    return why_impossible(both) is None


class _Decides(NamedTuple):
    """A rule, and what it decides."""

    rule: RankedRule
    values: dict[str, object]


def _difference(
    mine: dict[str, object], theirs: dict[str, object], questions: frozenset[int]
) -> str | None:
    """A field that two rules decide differently for one of these questions; None if none."""
    if ("deny" in mine) != ("deny" in theirs):
        return None  # the denial wins, whatever the order
    differ = {field for field in mine.keys() & theirs.keys() if mine[field] != theirs[field]}
    if not differ:
        return None
    possible = frozenset[str]().union(*map(fields_of, questions))
    return min(differ & possible, default=None)


def _values(effects: Effects) -> dict[str, object]:
    """Like `fields_set`, but a denial is what the phone sees: either of two reasons is true."""
    values = fields_set(effects)
    denial = values.get("deny")
    return {**values, "deny": denial.answer} if isinstance(denial, Denial) else values
