"""Cases for what no case shows yet.

They say what the policies decide, which is not always what they should: a person reads them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.policy.deciding.answer import answer_of, value_of
from dfks_rules.policy.deciding.policy_set import PolicySet
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


def _expected(decision: Decision, rules: set[str]) -> dict[str, Any]:
    """The decision, and what these rules make of it."""
    answer = answer_of(decision)
    expected: dict[str, Any] = {"decision": answer["decision"]}
    by = {field: rule for field, rule in answer["by"].items() if rule in rules}
    values = {}
    for field in by:
        value = value_of(answer, field)
        if field == "deny":
            expected["reason"] = value
        elif field in answer["values"]:
            values[field] = value
        elif field in ("status", "assigned", "notify"):
            expected[field] = value
    values = {name: value for name, value in values.items() if value is not None}
    if values:
        expected["values"] = values
    if by:
        expected["by"] = by
    if rules & set(answer["lifted"].values()):
        expected["lifted"] = answer["lifted"]
    elif not by:
        expected["matched"] = answer["matched"]
    return expected
