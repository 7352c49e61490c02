"""Which rules, and which of a rule's ways to match, decided something in cases."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.phrases.phrase import phrase
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
    title: str
    """The rule for people: an Exception is called one."""


_COUNTED = -1
"""Stands among the positions of ways for a rule that decided something."""


class _Seen:
    """What cases showed about one rule."""

    def __init__(self, rule: Rule) -> None:
        self.id, self.title = rule.id, rule.title
        self.wanted = (
            phrase("matched, but never lifted a denial")
            if rule.is_exception
            else phrase("matched, but never decided anything")
        )
        self.ways = alternatives(rule.condition)
        self.matched: set[int] = set()
        """Positions of the ways that matched."""
        self.counted = False
        """Whether it decided something, or matched without having anything to decide; of an
        Exception: whether it lifted a denial."""

    def shown(self, rule: Rule, view: View, decision: Decision) -> set[int]:
        """What one more case that matched the rule shows, of all there is to show of it.

        Positions of ways, and `_COUNTED`.

        Args:
            rule: the rule, as it is in the set that decided.
            view: the request, as that set sees it.
            decision: what was decided.
        """
        request = view.request
        operation, feature = request.operation, request.feature
        question = QUESTIONS.index((operation, feature))
        lookup = facts_of(view)
        shown = set()
        for position, way in enumerate(self.ways):
            fits = question in way.questions and (
                way.domains is None or request.presentity.domain in way.domains
            )
            if fits and all(atom.holds(lookup) == positive for atom, positive in way.literals):
                shown.add(position)
        if rule.is_exception:
            counted = rule.id in dict(decision.lifted).values()
        else:
            alone = make_plan([rule], operation, feature, decision.revision, lookup)
            counted = rule.id in decision.decided_by.values() or not alone.decided_by
        return shown | {_COUNTED} if counted else shown

    def lacks(self, shown: set[int]) -> set[int]:
        """What of it no case has shown."""
        return shown - self.matched - ({_COUNTED} if self.counted else set())

    def count(self, shown: set[int]) -> None:
        """One more case showed this."""
        self.counted |= _COUNTED in shown
        self.matched |= shown - {_COUNTED}


class SetCoverage:
    """The coverage of the rules of one policy set."""

    def __init__(self, policies: PolicySet, seen: Mapping[str, _Seen]) -> None:
        self._policies = policies
        self._rules = {rule.id: (rule, seen[rule.id]) for rule in policies.rules}

    def count(self, view: View, decision: Decision) -> None:
        """One more case is decided so."""
        for _, seen, shown in self._shown(view, decision):
            seen.count(shown)

    def first_shown(self, view: View, decision: Decision) -> frozenset[tuple[str, int]]:
        """What a request that is decided so would be the first to show: rules, and what of each."""
        return frozenset(
            (rule.id, one)
            for rule, seen, shown in self._shown(view, decision)
            for one in seen.lacks(shown)
        )

    def is_complete(self) -> bool:
        """Whether nothing is left to show."""
        return not any(self.lacking())

    def lacking(self) -> Iterator[tuple[Rule, list[Alternative]]]:
        """Each rule of which something is left to show, with the ways that are."""
        for rule, seen in self._rules.values():
            ways = [way for place, way in enumerate(seen.ways) if place not in seen.matched]
            if ways or not seen.counted:
                yield rule, ways

    def _shown(self, view: View, decision: Decision) -> Iterator[tuple[Rule, _Seen, set[int]]]:
        view = self._policies.sees(view)
        for name in decision.matched:
            if name in self._rules:
                rule, seen = self._rules[name]
                yield rule, seen, seen.shown(rule, view, decision)


class Coverage:
    """The coverage of rules by cases, collected over any number of policy sets."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], _Seen] = {}

    def of(self, policies: PolicySet, sources: Sequence[Source]) -> SetCoverage:
        """The part of it that is about the rules in these files, of which the set is made."""
        places = places_of(sources)
        seen = {
            rule.id: self._seen.setdefault(places[rule.id], _Seen(rule)) for rule in policies.rules
        }
        return SetCoverage(policies, seen)

    def add(
        self,
        policies: PolicySet,
        sources: Sequence[Source],
        results: Iterable[tuple[View, Decision]],
    ) -> None:
        """Count what cases showed about the rules in these files."""
        covered = self.of(policies, sources)
        for view, decision in results:
            covered.count(view, decision)

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
                yield Unshown(file, line, seen.id, phrase("never matched"), seen.title)
                continue
            if not seen.counted:
                yield Unshown(file, line, seen.id, seen.wanted, seen.title)
            for position, way in enumerate(seen.ways):
                if position not in seen.matched:
                    what = phrase("never matched by {way}", way=_way_text(way))
                    yield Unshown(file, line, seen.id, what, seen.title)


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
