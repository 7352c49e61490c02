"""Which rules, and which of a rule's ways to match, decided something in cases."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.policy.deciding.combine import make_plan
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative, alternatives
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.language.text import literal_text
from dfks_rules.policy.reading.source import EXCEPTION, POLICY, Source, kind_of, parse


class Unshown(NamedTuple):
    """Something about a rule that no case shows."""

    file: str
    """Path of the policy file as given."""
    line: int
    """Where the rule starts, 1-based."""
    rule: str
    """Its id, `policy/rule`."""
    what: str
    """What never happened, in one line."""


class _Seen:
    """What cases showed about one rule."""

    def __init__(self, rule: Rule) -> None:
        self.id = rule.id
        self.ways = alternatives(rule.condition)
        self.matched: set[int] = set()
        """Positions of the ways that matched."""
        self.counted = False
        """Whether it decided something, or matched without having anything to decide; of an
        Exception: whether it lifted a denial."""

    def count(self, rule: Rule, view: View, decision: Decision) -> None:
        """One more case matched the rule, as it is in the set that decided."""
        request = view.request
        operation, feature = request.operation, request.feature
        question = QUESTIONS.index((operation, feature))
        lookup = facts_of(view)
        for position, way in enumerate(self.ways):
            fits = question in way.questions and (
                way.domains is None or request.presentity.domain in way.domains
            )
            if fits and all(atom.holds(lookup) == positive for atom, positive in way.literals):
                self.matched.add(position)
        if rule.effects.lifts:
            self.counted |= rule.id in dict(decision.lifted).values()
            return
        alone = make_plan([rule], operation, feature, decision.revision, lookup)
        if rule.id in decision.decided_by.values() or not alone.decided_by:
            self.counted = True


class Coverage:
    """The coverage of rules by cases, collected over any number of policy sets."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], _Seen] = {}

    def add(
        self,
        policies: PolicySet,
        sources: Sequence[Source],
        results: Iterable[tuple[View, Decision]],
    ) -> None:
        """Count what cases showed about the rules in these files."""
        places = places_of(sources)
        for rule in policies.rules:
            self._seen.setdefault(places[rule.id], _Seen(rule))
        rules = {rule.id: rule for rule in policies.rules}
        for view, decision in ((policies.sees(view), decision) for view, decision in results):
            for name in decision.matched:
                if name in rules:
                    self._seen[places[name]].count(rules[name], view, decision)

    @property
    def percent(self) -> float:
        """Percentage of ways that matched and of rules that decided something; 100 if none."""
        total = sum(len(seen.ways) + 1 for seen in self._seen.values())
        covered = sum(len(seen.matched) + seen.counted for seen in self._seen.values())
        return 100 * covered / total if total else 100.0

    def unshown(self) -> Iterator[Unshown]:
        """What no case shows, by file and line."""
        for (file, line), seen in sorted(self._seen.items(), key=lambda item: item[0]):
            if not seen.matched:
                yield Unshown(file, line, seen.id, "never matched")
                continue
            if not seen.counted:
                yield Unshown(file, line, seen.id, "matched, but never decided anything")
            for position, way in enumerate(seen.ways):
                if position not in seen.matched:
                    yield Unshown(file, line, seen.id, f"never matched by {_way_text(way)}")


def places_of(sources: Iterable[Source]) -> dict[str, tuple[str, int]]:
    """Id of each rule → its file and line."""
    places = {}
    for source in sources:
        kind = kind_of(source)
        tree = parse(source)[0] if kind in (POLICY, EXCEPTION) else None
        if tree is None:
            continue
        if kind == EXCEPTION:
            name, line = tree.value["metadata"]["name"], tree.keys["for",].line
            places[f"{name}/exception"] = (source.file, line)
            continue
        for position, rule in enumerate(tree.value["rules"]):
            line = tree.places["rules", position].line
            places[f"{tree.value['metadata']['name']}/{rule['id']}"] = (source.file, line)
    return places


def _way_text(way: Alternative) -> str:
    tests = sorted(map(literal_text, way.literals))
    if way.domains is not None:
        tests.insert(0, f"domain: {', '.join(sorted(map(str, way.domains)))}")
    if len(way.questions) < len(QUESTIONS):
        asked = (QUESTIONS[position] for position in sorted(way.questions))
        words = (f"{op.value} {feature.value}" if feature else op.value for op, feature in asked)
        tests.insert(0, " | ".join(words))
    return "{" + ", ".join(tests) + "}"
