"""Cases for what no case shows yet.

They say what the policies decide, which is not always what they should: a person reads them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.policy.deciding.answer import answer_of, value_of
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.language.alternatives import QUESTIONS, SignedAtom, alternatives
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.text import literal_text
from dfks_rules.policy.studying.coverage import SetCoverage
from dfks_rules.policy.studying.witness import Facts, Witness, smallest
from dfks_rules.yaml.scalar import flow, scalar


class NewCase(NamedTuple):
    """A case that the policies pass."""

    name: str
    """What it shows."""
    given: Facts
    """The request, with no fact that could be left out."""
    expect: dict[str, Any]
    """What its rules decide."""


def covering(
    policies: PolicySet, covered: SetCoverage, candidates: Iterable[Witness]
) -> Iterator[NewCase]:
    """A case for each request that shows something new of the rules; it is counted then.

    Args:
        policies: what decides.
        covered: what cases show of them already.
        candidates: requests to try, in order; the first that shows something is taken.
    """

    def first_shown(one: Witness) -> frozenset[tuple[str, int]]:
        return covered.first_shown(one.view, policies.decide_view(one.view))

    names: dict[str, int] = {}
    for candidate in candidates:
        if covered.is_complete():
            return
        shown = first_shown(candidate)
        if not shown:
            continue
        least = smallest(candidate, lambda one, shown=shown: shown <= first_shown(one))  # type: ignore[misc]
        decision = policies.decide_view(least.view)
        covered.count(least.view, decision)
        rules = {rule for rule, _ in shown}
        name = _name(min(rules), decision)
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name}, {names[name]}"
        yield NewCase(name, least.given, _expected(decision, rules))


def beside(policies: PolicySet, rule: Rule, candidates: Iterable[Witness]) -> Iterator[NewCase]:
    """A case for each test of a rule, which alone keeps a request from it.

    Args:
        policies: what decides.
        rule: one of its rules; nothing comes of one that can match in several ways.
        candidates: requests to try, in order.
    """
    ways = alternatives(rule.condition)
    if len(ways) != 1:
        return
    (way,) = ways
    wanted = set(way.literals)
    if way.domains is not None:
        one, *others = way.domains
        test = Atom("domain", "in", way.domains) if others else Atom("domain", "eq", one)
        wanted.add(SignedAtom(test, positive=True))

    def missed(one: Witness) -> set[SignedAtom]:
        view = policies.sees(one.view)
        lookup, asked = facts_of(view), (view.request.operation, view.request.feature)
        if QUESTIONS.index(asked) not in way.questions:
            return set()
        return {test for test in wanted if test.atom.holds(lookup) != test.positive}

    left = set(wanted)
    for candidate in candidates:
        alone = missed(candidate)
        if len(alone) == 1 and alone <= left:
            left -= alone
            least = smallest(candidate, lambda one, alone=alone: missed(one) == alone)  # type: ignore[misc]
            decision = policies.decide_view(least.view)
            answer = answer_of(decision)
            expect = {name: answer[name] for name in ("decision", "status", "matched")}
            name = f"{rule.id} does not match without {literal_text(*alone)}"
            yield NewCase(name, least.given, expect)
        if not left:
            return


def cases_text(policies: Sequence[str], cases: Iterable[NewCase]) -> str:
    """A file of cases about these policies, to be laid out."""
    lines = [
        "apiVersion: dfks/v1",
        "kind: PolicyTest",
        f"policies: {flow(list(policies))}",
        "tests:",
    ]
    for case in cases:
        lines.append(f"  - name: {scalar(case.name, in_braces=False)}")
        lines.append(f"    given: {flow(dict(case.given))}")
        lines.append(f"    expect: {flow(case.expect)}")
    return "\n".join(lines) + "\n"


def _name(rule: str, decision: Decision) -> str:
    fields = [field for field, by in decision.decided_by.items() if by == rule]
    if fields:
        return f"{rule} decides {', '.join(fields)}"
    lifted = [denying for denying, by in decision.lifted if by == rule]
    return f"{rule} lifts {', '.join(lifted)}" if lifted else f"{rule} matches"


_EXPECTED_AS = {"deny": "reason", "expire": "expires"}
"""Field that a rule decides → what a case expects of it, where that has another name."""


def _expected(decision: Decision, rules: set[str]) -> dict[str, Any]:
    """The decision, and what these rules make of it."""
    answer = answer_of(decision)
    by = {field: rule for field, rule in answer["by"].items() if rule in rules}
    own = {field: value_of(answer, field) for field in by}
    values = {
        field: value
        for field, value in own.items()
        if field in answer["values"] and value is not None
    }
    expected: dict[str, Any] = {"decision": answer["decision"]}
    for field, value in own.items():
        if field not in answer["values"] and field != "allow":
            expected[_EXPECTED_AS.get(field, field)] = value
    rest = {"values": values, "also": answer["also"], "by": by}
    expected |= {field: value for field, value in rest.items() if value}
    if rules & set(answer["lifted"].values()):
        expected["lifted"] = answer["lifted"]
    elif not by:
        expected["matched"] = answer["matched"]
    return expected
