"""What differs between the decisions of two sets of policies, grouped by what differs and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.model.values import VALUES
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.witness import Facts, smallest, witness_of, witnesses

MAX_WITNESSES = 20_000
"""Most requests that `compare` decides by each set; a few seconds."""
MAX_GROUPS = 1_000
"""Most groups that are told apart."""

_WHY = {"by", "matched", "shadow"}
"""Parts of a decision that say where it comes from; they are no difference by themselves."""


class Key(NamedTuple):
    """What the differences of one group have in common."""

    op: str
    """What is asked."""
    feature: str | None
    """About which feature."""
    changed: tuple[str, ...]
    """The parts of the decision that differ, in the words of `expect` of a case."""
    old: tuple[str | None, tuple[str, ...]]
    """The old set's reason for a refusal, and the rules that decided what differs."""
    new: tuple[str | None, tuple[str, ...]]
    """The same of the new set."""


@dataclass(slots=True)
class Group:
    """Requests that two sets of policies decide differently in one and the same way."""

    key: Key
    """What they have in common."""
    name: str
    """What the caller calls the first of them."""
    given: Facts
    """Facts, as few as possible, that make one of them."""
    old: Decision
    """The old set's decision of that one."""
    new: Decision
    """The new set's."""
    count: int = 0
    """How many there are."""
    names: list[str] = field(default_factory=list)
    """What the caller calls each, if he wants them listed."""

    def grow(self) -> None:
        """There is one more."""
        self.count += 1


class Comparison:
    """Decides requests by two sets, and groups those that differ; bounded but for `Group.names`."""

    def __init__(self, old: PolicySet, new: PolicySet) -> None:
        self._old, self._new = old, new
        self._groups: dict[Key, Group] = {}
        self.tried = 0
        """How many requests were decided."""
        self.different = 0
        """How many of them differ."""
        self.ungrouped = 0
        """Those that differ in ways beyond the first `MAX_GROUPS`."""

    @property
    def groups(self) -> list[Group]:
        """The largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)

    def add(self, view: View, name: str = "") -> Group | None:
        """Decide one more request, which is called `name`; its group if it differs."""
        self.tried += 1
        key = self._key(view)
        if key is None:
            return None
        self.different += 1
        if key not in self._groups:
            if len(self._groups) >= MAX_GROUPS:
                self.ungrouped += 1
                return None
            self._groups[key] = self._group(key, view, name)
        group = self._groups[key]
        group.grow()
        return group

    def _key(self, view: View) -> Key | None:
        old, new = self._old.decide_view(view), self._new.decide_view(view)
        changed = what_differs(old, new)
        if not changed:
            return None
        operation, feature = view.request.operation, view.request.feature
        name = None if feature is None else feature.value
        return Key(operation.value, name, changed, _side(old, changed), _side(new, changed))

    def _group(self, key: Key, view: View, name: str) -> Group:
        given: Facts = dict(given_of(view))
        witness = witness_of(given)
        if witness is not None and self._key(witness.view) == key:
            given, view = smallest(witness, lambda one: self._key(one.view) == key)
        return Group(key, name, given, self._old.decide_view(view), self._new.decide_view(view))


def compare(old: PolicySet, new: PolicySet, most: int = MAX_WITNESSES) -> Comparison:
    """What two sets decide differently, as far as `most` witnesses show it."""
    comparison = Comparison(old, new)
    for witness in islice(witnesses(old.rules, new.rules), most):
        comparison.add(witness.view)
    return comparison


def what_differs(old: Decision, new: Decision) -> tuple[str, ...]:
    """The parts of two decisions that mean something else, in the words of `expect` of a case.

    When only one of them refuses, that says it all: what is stored follows from it.
    """
    if old == new:
        return ()
    if (old.denial is None) != (new.denial is None):
        return ("decision",)
    before, after = answer_of(old), answer_of(new)
    changed = [name for name in before if name not in _WHY and before[name] != after[name]]
    if old.denial != new.denial and "reason" not in changed:
        changed.append("answer")
    return tuple(changed)


def said(decision: Decision, changed: Iterable[str]) -> str:
    """A decision in one line: whether it allows, what it says of the parts that differ, and why.

    For example ``allow status=1 (default/store-what-is-asked)``, ``deny toll-fraud (barred/cfa)``.
    """
    words = answer_of(decision)
    parts = [words["decision"]]
    if decision.denial is not None:
        parts.append(decision.denial.reason)
    elif "decision" in changed:
        parts.append(f"status={words['status']}")
    for name in changed:
        if name == "values":
            given = {key: value for key, value in words["values"].items() if value is not None}
            parts += [f"{key}={value}" for key, value in given.items()]
        elif name == "answer" and decision.denial is not None:
            parts.append(f"answer={decision.denial.answer.value}")
        elif name not in ("decision", "reason"):
            parts.append(f"{name}={_word(words[name])}")
    rules = _deciders(decision, changed)
    return " ".join(parts) + (f" ({', '.join(rules)})" if rules else "")


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _side(decision: Decision, changed: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    return decision.denial and decision.denial.reason, _deciders(decision, changed)


def _deciders(decision: Decision, changed: Iterable[str]) -> tuple[str, ...]:
    """Ids of the rules that decided these parts."""
    fields: list[str] = []
    for name in changed:
        fields += _DECIDED_AS.get(name, (name,))
    by = decision.decided_by
    return tuple(dict.fromkeys(by[name] for name in fields if name in by))


_DECIDED_AS = {
    "decision": ("deny", "allow", "status"),
    "reason": ("deny",),
    "answer": ("deny",),
    "values": tuple(value.value for value in VALUES),
}
"""Part of a decision → the fields of `Decision.decided_by` that say which rule it comes from."""
