"""Differences between the decisions of two sets of policies, grouped by what differs and why."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol

from dfks_rules.model.decisions import Decision
from dfks_rules.model.values import VALUES
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.instances import Instances
from dfks_rules.policy.studying.witness import Facts, smallest, witness_of, witnesses

MAX_WITNESSES = 20_000
"""Most requests `compare` has each set decide; takes a few seconds."""
MAX_GROUPS = 1_000
"""Most groups that are kept."""

_WHY = {"by", "matched", "lifted", "shadow"}
"""Parts of a decision that say where it comes from; alone they are not a difference."""
_OF_DENIAL = ("answer", "text")
"""Parts of a denial that no case expects, compared where the reasons are alike."""


class Key(NamedTuple):
    """What the differences of one group have in common."""

    op: str
    """The operation."""
    feature: str | None
    """The feature it is about."""
    changed: tuple[str, ...]
    """The parts of the decision that differ, named as in a case's `expect`."""
    old: tuple[str | None, tuple[str, ...]]
    """The old set's reason for a refusal, and the rules that decided what differs."""
    new: tuple[str | None, tuple[str, ...]]
    """The same for the new set."""


@dataclass(slots=True)
class Group:
    """Requests that two sets of policies decide differently in the same way."""

    key: Key
    """What they have in common."""
    name: str
    """The caller's name for the first of them."""
    given: Facts
    """A minimal set of facts that describes one of them."""
    old: Decision
    """The old set's decision on that request."""
    new: Decision
    """The new set's."""
    count: int = 0
    """Number of requests in the group."""
    names: list[str] = field(default_factory=list)
    """The caller's name for each, if they are to be listed."""
    note: str | None = None
    """Why facts are left that only files say; None: none are."""

    def grow(self) -> None:
        """There is one more."""
        self.count += 1


class Decides(Protocol):
    """What decides requests."""

    def decide_view(self, view: View) -> Decision:
        """What the policies say to one request."""
        ...


class Comparison:
    """Decides requests by two sets and groups the differences; bounded except for `Group.names`."""

    def __init__(self, old: Decides, new: Decides, instances: Sequence[Instances] = ()) -> None:
        """Two sets, and no difference yet.

        Args:
            old: one set.
            new: the other.
            instances: users and targets by which a request may be described, those preferred first.
        """
        self._old, self._new = old, new
        self._instances = instances
        self._groups: dict[Key, Group] = {}
        self.tried = 0
        """Number of requests decided."""
        self.different = 0
        """Number of requests decided differently."""
        self.ungrouped = 0
        """Number of differing requests that belong to none of the first `MAX_GROUPS` groups."""

    @property
    def groups(self) -> list[Group]:
        """The groups, the largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)

    def add(self, view: View, name: str = "", given: Facts | None = None) -> Group | None:
        """Decide one more request; returns its group if the decisions differ.

        Args:
            view: the request.
            name: the caller's name for it.
            given: facts that describe it; None: all that it has.
        """
        self.tried += 1
        key = self._key(view)
        if key is None:
            return None
        self.different += 1
        if key not in self._groups:
            if len(self._groups) >= MAX_GROUPS:
                self.ungrouped += 1
                return None
            self._groups[key] = self._group(key, view, name, given)
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

    def _group(self, key: Key, view: View, name: str, given: Facts | None) -> Group:
        given = dict(given_of(view)) if given is None else given
        witness = witness_of(given)
        if witness is not None and self._key(witness.view) == key:
            witness = smallest(witness, lambda one: self._key(one.view) == key)
            for instances in self._instances:
                witness = instances.named(witness, lambda one: self._key(one.view) == key)
            given, view = witness
        group = Group(key, name, given, self._old.decide_view(view), self._new.decide_view(view))
        group.note = self._instances[0].as_given(given) if self._instances else None
        return group


def compare(old: PolicySet, new: PolicySet, most: int = MAX_WITNESSES) -> Comparison:
    """What two sets decide differently, as far as `most` witnesses show."""
    comparison = Comparison(old, new)
    for witness in islice(witnesses(old.rules, new.rules), most):
        comparison.add(witness.view)
    return comparison


def what_differs(old: Decision, new: Decision) -> tuple[str, ...]:
    """The parts in which two decisions differ in meaning, named as in a case's `expect`.

    When only one of them refuses, nothing else is compared: what is stored follows from that.
    """
    if old == new:
        return ()
    if (old.denial is None) != (new.denial is None):
        return ("decision",)
    before, after = answer_of(old), answer_of(new)
    changed = [name for name in before if name not in _WHY and before[name] != after[name]]
    if old.denial is not None and new.denial is not None and "reason" not in changed:
        changed += [
            name for name in _OF_DENIAL if getattr(old.denial, name) != getattr(new.denial, name)
        ]
    return tuple(changed)


def said(decision: Decision, changed: Iterable[str]) -> str:
    """A decision on one line: whether it allows, its values for the differing parts, and why.

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
        elif name == "text" and decision.denial is not None:
            text = decision.denial.text
            parts.append(
                "without text" if text is None else f"text={json.dumps(text, ensure_ascii=False)}"
            )
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
    "text": ("deny",),
    "values": tuple(value.value for value in VALUES),
}
"""Part of a decision → the fields of `Decision.decided_by` that name its rule."""
