"""What matching rules amount to: a plan, and the decision that a plan gives for one state.

Every rule that matches counts, in order of precedence. Any denial refuses the request, and the
first one gives the reason. Otherwise each field is decided by the first rule that sets it; after
a final rule no field is set.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from dfks_rules.model.decisions import AlsoSet, Decision, Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import VALUES_OF, Feature, FeatureState, Value
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Operation
from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.language.document import Also, Effects, Rule
from dfks_rules.policy.language.values import Clamped, Template, line

NOT_YOUR_PRESENTITY = Denial(
    "not-your-presentity",
    "Only the presentity's own phones may subscribe",
    DenialAnswer.REJECT,
)
"""Built in: why a third party may not subscribe unless a rule says `allow: true`."""

# A named tuple's own constructor is a Python function: this is the same without the call.
_new = tuple.__new__

_FIELDS: dict[str, Callable[[Effects], object]] = {
    "status": lambda effects: effects.status,
    "assigned": lambda effects: effects.assigned,
    "notify": lambda effects: effects.notify,
    "forwardTo": lambda effects: effects.forward_to,
    "ringCount": lambda effects: effects.ring_count,
    "allow": lambda effects: effects.allow,
}
"""Field, as `Decision.decided_by` names it → what a rule sets it to, or None."""

_USER = re.compile(r"[^@:<>\"\s]+")
_DOMAIN = re.compile(r"[^@/<>\"\s,;]+")

_FIELDS_OF_DENIAL = ("notify", "assigned")
"""What still counts when the request is denied."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What the matching rules say, whatever is asked for and stored."""

    operation: Operation
    """What was asked."""
    status: Literal[0, 1, "request", "stored"] | None
    """The status to tell or store; None when no rule sets it."""
    forward_to: str | None
    """Likewise."""
    ring_count: int | None
    """Likewise."""
    assigned: bool
    """False leaves the feature out of the NOTIFY."""
    notify: NotifyScope
    """Who is told."""
    denial: Denial | None
    """The first denial."""
    allow: bool
    """Whether a third party may subscribe."""
    logs: tuple[str, ...]
    """Texts with placeholders."""
    matched: tuple[str, ...]
    """Ids of the matching rules."""
    decided_by: Mapping[str, str]
    """Field → id of the rule that set it."""
    revision: str
    """Content hash of the policies."""
    also: tuple[AlsoSet, ...]
    """Sets that follow unless it is denied."""
    shadow: tuple[str, ...]
    """Those of `matched` that decide nothing."""

    def decide(self, asked: FeatureState | None, stored: FeatureState, *, own: bool) -> Decision:
        """The decision for one state, without lines to log.

        Args:
            asked: what a set asks for.
            stored: what is stored for the feature.
            own: whether the watcher is the presentity.
        """
        denial = self.denial
        if self.operation is Operation.SUBSCRIBE and not (denial or own or self.allow):
            denial = NOT_YOUR_PRESENTITY
        state, assigned = self._state(asked, stored), self.assigned
        if denial:
            state = stored
            if self.operation is Operation.GET:
                state, assigned = _told_of(denial, stored, assigned=assigned)
        made = (
            state,
            assigned,
            self.notify,
            denial,
            self.matched,
            self.decided_by,
            (),
            self.revision,
            () if denial else self.also,
            self.shadow,
        )
        return _new(Decision, made)

    def lines(self, lookup: FactLookup) -> tuple[str, ...]:
        """The lines to log, with facts filled in."""
        return tuple(line(text, lookup) for text in self.logs)

    def _state(self, asked: FeatureState | None, stored: FeatureState) -> FeatureState:
        status, forward_to, ring_count = asked or stored
        if asked is not None:
            forward_to = forward_to or stored.forward_to
            ring_count = ring_count or stored.ring_count
        match self.status:
            case None | "request":
                pass
            case "stored":
                status = stored.status
            case number:
                status = bool(number)
        made = (status, self.forward_to or forward_to, self.ring_count or ring_count)
        return _new(FeatureState, made)


def make_plan(
    matching: Sequence[Rule],
    operation: Operation,
    feature: Feature | None,
    revision: str,
    lookup: FactLookup,
) -> Plan:
    """What these rules amount to.

    Args:
        matching: all rules that match, in order of precedence.
        operation: what is asked.
        feature: about which feature.
        revision: of the policies.
        lookup: the facts that effects of the rules read.
    """
    rules = [rule for rule in matching if not rule.shadow]
    fields, decided_by = _fields(rules, operation, feature)
    denial, denied_by = _first_denial(rules)
    if denied_by is not None:
        kept = {field: decided_by[field] for field in _FIELDS_OF_DENIAL if field in decided_by}
        decided_by = {"deny": denied_by, **kept}
    return Plan(
        operation,
        fields.get("status"),
        _value(fields.get("forwardTo"), lookup),
        _value(fields.get("ringCount"), lookup),
        fields.get("assigned", True),
        fields.get("notify", NotifyScope.ALL),
        denial,
        fields.get("allow", False),
        tuple(rule.effects.log for rule in rules if rule.effects.log is not None),
        tuple(rule.id for rule in matching),
        MappingProxyType(decided_by),
        revision,
        _also(rules, operation, lookup),
        tuple(rule.id for rule in matching if rule.shadow),
    )


def _fields(
    rules: Sequence[Rule], operation: Operation, feature: Feature | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Field → value, and field → id of the rule that set it."""
    fields: dict[str, Any] = {}
    decided_by: dict[str, str] = {}
    names = _fields_of(operation, feature)
    for rule in rules:
        for name in names:
            value = _FIELDS[name](rule.effects)
            if value is not None and name not in fields:
                fields[name], decided_by[name] = value, rule.id
        if rule.effects.final:
            break
    return fields, decided_by


def _value(value: Any, lookup: FactLookup) -> Any:
    """A value, worked out where it is not a plain one."""
    return value.value(lookup) if isinstance(value, Template | Clamped) else value


def _also(rules: Sequence[Rule], operation: Operation, lookup: FactLookup) -> tuple[AlsoSet, ...]:
    """Sets that follow, in order; those of rules after a final one do not."""
    found: list[AlsoSet | None] = []
    if operation is Operation.SET:
        for rule in rules:
            found += [_also_set(one, lookup) for one in rule.effects.also]
            if rule.effects.final:
                break
    return tuple(one for one in found if one is not None)


def _also_set(also: Also, lookup: FactLookup) -> AlsoSet | None:
    """One set that follows; None when whose it is cannot be said, or it is nobody's.

    A phone may have said what stands in a template, e.g. a whole URI: it must not fill the store.
    """
    user = lookup("user") if also.user is None else also.user.value(lookup)
    domain = lookup("domain") if also.domain is None else also.domain.value(lookup)
    if not (_USER.fullmatch(str(user or "")) and _DOMAIN.fullmatch(str(domain or ""))):
        return None
    status = lookup("request.status") if also.status == "request" else also.status
    takes = VALUES_OF[also.feature]
    state = FeatureState(
        bool(status),
        _value(also.forward_to, lookup) if Value.FORWARD_TO in takes else None,
        _value(also.ring_count, lookup) if Value.RING_COUNT in takes else None,
    )
    return AlsoSet(Aor(str(user), str(domain).lower()), Asked(also.feature, state))


def _fields_of(operation: Operation, feature: Feature | None) -> tuple[str, ...]:
    if operation is Operation.SUBSCRIBE or feature is None:
        return ("allow",)
    values = tuple(value.value for value in VALUES_OF[feature])
    return ("status", "assigned", "notify", *values)


def _first_denial(rules: Sequence[Rule]) -> tuple[Denial | None, str | None]:
    for rule in rules:
        if rule.effects.denial is not None:
            return rule.effects.denial, rule.id
    return None, None


def _told_of(denial: Denial, stored: FeatureState, *, assigned: bool) -> tuple[FeatureState, bool]:
    """What a denied get tells: (state, whether the feature is assigned)."""
    match denial.answer:
        case DenialAnswer.STORED:
            return stored, assigned
        case DenialAnswer.OFF:
            return stored._replace(status=False), assigned
        case DenialAnswer.UNASSIGNED | DenialAnswer.REJECT:
            return stored, False
