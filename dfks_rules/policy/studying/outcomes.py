"""Which tests of a rule's conditions were true, and which false, in cases."""

from collections.abc import Iterable, Iterator, Sequence

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.language.alternatives import QUESTIONS, SignedAtom, alternatives
from dfks_rules.policy.language.document import Condition, Rule, atoms_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.text import literal_text
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.coverage import Unshown, places_of


class Outcomes:
    """The outcomes of tests in cases, collected over any number of policy sets.

    A test counts in requests of an operation that its rule is about: a set says nothing about the
    tests of a rule for gets.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], tuple[Rule, dict[Atom, set[bool]]]] = {}

    def add(self, policies: PolicySet, sources: Sequence[Source], views: Iterable[View]) -> None:
        """Count what these requests show about the rules in these files."""
        places = places_of(sources)
        seen = [
            (policies.sees(view).request.operation, facts_of(policies.sees(view))) for view in views
        ]
        for rule in policies.rules:
            _, outcomes = self._seen.setdefault(places[rule.id], (rule, {}))
            about = {
                QUESTIONS[position][0]
                for way in alternatives(rule.condition)
                for position in way.questions
            }
            given = set(_atoms(rule.narrowing))
            for atom in (one for one in _atoms(rule.condition) if one not in given):
                happened = outcomes.setdefault(atom, set())
                happened |= {atom.holds(lookup) for operation, lookup in seen if operation in about}

    def unshown(self) -> Iterator[Unshown]:
        """Each test that was never true, or never false, by file and line.

        Nothing is said of rules about operations that no request has; nothing was asked of them.
        """
        for (file, line), (rule, outcomes) in sorted(self._seen.items()):
            for atom, happened in outcomes.items():
                text = literal_text(SignedAtom(atom, positive=True))
                for outcome in (True, False):
                    if happened and outcome not in happened:
                        what = (
                            phrase("{test} was never true", test=f"{{{text}}}")
                            if outcome
                            else phrase("{test} was never false", test=f"{{{text}}}")
                        )
                        yield Unshown(file, line, rule.id, what, rule.title)


def _atoms(condition: Condition) -> Iterator[Atom]:
    """The tests of a condition but those of `op`, which say what the rule is about."""
    return (atom for atom in atoms_of(condition) if atom.fact != "op")
