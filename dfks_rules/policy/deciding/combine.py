"""What matching rules amount to: a plan, and the decision that a plan gives for one state.

Every rule that matches counts, in order of precedence. Any denial refuses the request, unless an
Exception lifts it, and the first one gives the reason. Otherwise each field is decided by the first
rule that sets it; after a final rule no field is set.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal

from dfks_rules.model.decisions import AlsoSet, Decision, Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import (
    ROWS,
    VALUES_OF,
    Feature,
    FeatureState,
    Row,
    Spelling,
    state_of,
    switched_off,
    values_from,
    values_over,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Operation
from dfks_rules.model.values import MAX_TEXT, Value, Values
from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.language.document import Also, Rule, Written
from dfks_rules.policy.language.expiry import DuringOfUser, Expire, Lasting
from dfks_rules.policy.language.values import PLACEHOLDER, Clamped, Rewritten, Template, line

NOT_YOUR_PRESENTITY = Denial(
    "not-your-presentity",
    "Only the presentity's own phones may subscribe",
    DenialAnswer.REJECT,
)
"""Built in: why a third party may not subscribe unless a rule says `allow: true`."""

_USER = re.compile(r"[^@:<>\"\s]+")
_DOMAIN = re.compile(r"[^@/<>\"\s,;]+")

_FIELDS_OF_DENIAL = {
    Operation.GET: ("notify", "assigned"),
    Operation.SET: ("notify",),
    Operation.SUBSCRIBE: (),
}
"""What still counts when the request is denied: a denied set is told as a get would be."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What the matching rules say, whatever is asked for and stored."""

    operation: Operation
    """What was asked."""
    feature: Feature | None
    """About which feature; None for permission to subscribe."""
    spelling: Spelling | None
    """The feature's; None where on and off say everything."""
    status: Literal[0, 1, "request", "stored"] | None
    """The status to tell or store; None when no rule sets it."""
    values: Values
    """The values that a rule sets."""
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
    lifted: tuple[tuple[str, str], ...]
    """Denials that do not count: (id of the rule, id of the Exception)."""
    expire: Lasting | None
    """When what a set switches on is switched off."""

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
                state, assigned = self._told_of(denial, stored)
        return Decision(
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
            self.lifted,
        )

    def timed(self, decision: Decision, at: datetime) -> Decision:
        """The decision on a set at a moment, with when what it switches on is switched off."""
        if self.expire is None or decision.denial is not None or not decision.state.status:
            return decision
        return decision._replace(expires=self.expire.ends(at))

    def lines(self, lookup: FactLookup) -> tuple[str, ...]:
        """The lines to log, with facts filled in."""
        return tuple(line(text, lookup) for text in self.logs)

    def _state(self, asked: FeatureState | None, stored: FeatureState) -> FeatureState:
        said, spelling = asked or stored, self.spelling
        status, values = said
        if asked is not None:
            kept = stored.values if spelling is None else spelling.kept(asked, stored)
            values = values_over(values, kept)
        match self.status:
            case None | "request":
                pass
            case "stored":
                status = stored.status
            case number:
                status = bool(number)
        values = values_over(self.values, values)
        if spelling is not None:
            word = dict(self.values).get(spelling.value)
            status = status if word is None else spelling.status_of(word)
            return spelling.agreed(FeatureState(status, values), stored)
        # Most decisions change nothing of what was said.
        if status == said.status and values == said.values:
            return said
        return FeatureState(status, values)

    def _told_of(self, denial: Denial, stored: FeatureState) -> tuple[FeatureState, bool]:
        """What a denied get tells: (state, whether the feature is assigned)."""
        match denial.answer:
            case DenialAnswer.OFF if self.feature is not None:
                return switched_off(self.feature, stored), self.assigned
            case DenialAnswer.UNASSIGNED | DenialAnswer.REJECT:
                return stored, False
            case _:
                return stored, self.assigned


MembersOf = Callable[[str, str], Sequence[str]]
"""Domain, group → the users of that domain who are in the group."""
MAX_MEMBERS = 10_001
"""Most members of a group for whom sets follow: more than any server allows, so that it refuses the
set at hand, and few enough to remember."""


def nobody(_domain: str, _group: str) -> Sequence[str]:
    """Groups that have no members."""
    return ()


def make_plan(
    matching: Sequence[Rule],
    operation: Operation,
    feature: Feature | None,
    revision: str,
    lookup: FactLookup,
    members_of: MembersOf = nobody,
) -> Plan:
    """What these rules amount to.

    Args:
        matching: all rules that match, in order of precedence.
        operation: what is asked.
        feature: about which feature.
        revision: of the policies.
        lookup: the facts that effects of the rules read.
        members_of: who is in a group.
    """
    rules = [rule for rule in matching if not rule.shadow]
    fields, decided_by = _fields(rules, operation, feature)
    row = ROWS[feature] if feature else Row()
    values = tuple((one, fields[one.value]) for one in row.values if one.value in fields)
    lifted = _lifted(rules)
    denial, denied_by = _first_denial(rules, lifted, lookup)
    if denied_by is not None:
        kept = [field for field in _FIELDS_OF_DENIAL[operation] if field in decided_by]
        fields = {field: fields[field] for field in kept}
        decided_by = {"deny": denied_by, **{field: decided_by[field] for field in kept}}
    return Plan(
        operation,
        feature,
        row.spelling,
        fields.get("status"),
        _worked_out(values, row.values, lookup),
        fields.get("assigned", row.assigned),
        fields.get("notify", NotifyScope.ALL),
        denial,
        fields.get("allow", False),
        tuple(rule.effects.log for rule in rules if rule.effects.log is not None),
        tuple(rule.id for rule in matching),
        MappingProxyType(decided_by),
        revision,
        _also(rules, operation, lookup, members_of),
        tuple(rule.id for rule in matching if rule.shadow),
        tuple(lifted.items()),
        _lasting(fields.get("expire"), lookup),
    )


def _lasting(said: Expire | None, lookup: FactLookup) -> Lasting | None:
    """When it ends, with the hours of the user at hand."""
    return said.of(lookup(said.fact)) if isinstance(said, DuringOfUser) else said


def _fields(
    rules: Sequence[Rule], operation: Operation, feature: Feature | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Field → value, and field → id of the rule that set it."""
    fields: dict[str, Any] = {}
    decided_by: dict[str, str] = {}
    names = fields_of(operation, feature)
    for rule in rules:
        set_here = rule.effects.fields
        for name in names:
            if name in set_here and name not in fields:
                fields[name], decided_by[name] = set_here[name], rule.id
        if rule.effects.final:
            break
    return fields, decided_by


def _worked_out(written: Written, takes: Sequence[Value], lookup: FactLookup) -> Values:
    """Values that a rule sets, of those that a feature takes; a fact may leave one unsaid."""
    return values_from(
        {
            value: what.value(lookup) if isinstance(what, Template | Clamped | Rewritten) else what
            for value, what in written
            if value in takes
        }
    )


def _also(
    rules: Sequence[Rule], operation: Operation, lookup: FactLookup, members_of: MembersOf
) -> tuple[AlsoSet, ...]:
    """Sets that follow, in order; those of rules after a final one do not."""
    found: list[AlsoSet] = []
    if operation is Operation.SET:
        for rule in rules:
            for one in rule.effects.also:
                found += also_sets(one, rule.id, lookup, members_of)
            if rule.effects.final:
                break
    return tuple(found)


def also_sets(
    also: Also, rule: str, lookup: FactLookup, members_of: MembersOf
) -> Iterator[AlsoSet]:
    """The sets that follow by one entry; none when whose it is cannot be said, or it is nobody's.

    A phone may have said what stands in a template, e.g. a whole URI: it must not fill the store.
    """
    user, domain = lookup("user"), lookup("domain")
    if also.group is not None:
        here = str(domain or "")
        others = (name for name in members_of(here, also.group) if name != user)
        users = [Aor(name, here) for name in islice(others, MAX_MEMBERS)]
    else:
        user = user if also.user is None else also.user.value(lookup)
        domain = domain if also.domain is None else also.domain.value(lookup)
        users = [Aor(str(user or ""), str(domain or "").lower())]
    asked = _asked(also, lookup)
    for one in users:
        if _USER.fullmatch(one.user) and _DOMAIN.fullmatch(one.domain):
            yield AlsoSet(one, asked, rule)


def _asked(also: Also, lookup: FactLookup) -> Asked:
    status = lookup("request.status") if also.status == "request" else also.status
    values = _worked_out(also.values, VALUES_OF[also.feature], lookup)
    return Asked(also.feature, state_of(also.feature, FeatureState(bool(status), values)))


def fields_of(operation: Operation, feature: Feature | None) -> tuple[str, ...]:
    """The fields that rules can decide for a question, without the denial."""
    if operation is Operation.SUBSCRIBE or feature is None:
        return ("allow",)
    values = tuple(value.value for value in VALUES_OF[feature])
    timed = ("expire",) if operation is Operation.SET else ()
    return ("status", "assigned", "notify", *values, *timed)


def _lifted(rules: Sequence[Rule]) -> dict[str, str]:
    """Id of each rule whose denial does not count → id of the first Exception that lifts it."""
    lifting: dict[str, str] = {}
    for rule in rules:
        for name in rule.effects.lifts:
            lifting.setdefault(name, rule.id)
    if not lifting:
        return lifting
    return {rule.id: lifting[rule.id] for rule in rules if rule.id in lifting}


def _first_denial(
    rules: Sequence[Rule], lifted: Container[str], lookup: FactLookup
) -> tuple[Denial | None, str | None]:
    for rule in rules:
        denial = rule.effects.denial
        if denial is not None and rule.id not in lifted:
            if denial.text is not None and PLACEHOLDER.search(denial.text):
                denial = denial._replace(text=line(denial.text, lookup)[:MAX_TEXT])
            return denial, rule.id
    return None, None
