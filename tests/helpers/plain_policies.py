"""What policies decide, from their files as they are written: a second opinion, slow and obvious.

It shares nothing with `policy.reading`, `policy.language` and `policy.deciding`, but facts of
requests and how states of features go together. It knows only schedules of `random_policies`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dfks_rules.model.decisions import Decision, NotifyScope
from dfks_rules.model.features import (
    OFF,
    ROWS,
    VALUES_OF,
    Feature,
    FeatureState,
    Row,
    state_of,
    switched_off,
    values_from,
    values_over,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import MAX_TEXT, Value
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source
from tests.helpers.plain_conditions import VARS, Fact, holds, is_within
from tests.helpers.random_policies import read

_NOTIFY = {
    True: NotifyScope.ALL,
    False: NotifyScope.NONE,
    "requester": NotifyScope.REQUESTER,
    "others": NotifyScope.OTHERS,
}
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Said(NamedTuple):
    """A decision, as far as the files tell it."""

    denial: tuple[str, str | None, str] | None
    """Reason, text, answer."""
    state: FeatureState
    assigned: bool
    notify: NotifyScope
    also: tuple[tuple[Aor, Feature, FeatureState, str], ...]
    expires: datetime | None
    lifted: tuple[tuple[str, str], ...]
    logs: tuple[str, ...]
    matched: tuple[str, ...]
    """Ids of all rules that match, also of those that decide nothing; without Exceptions, which are
    asked only where they may lift something."""
    shadow: tuple[str, ...]
    """Those of them that decide nothing."""
    decided_by: dict[str, str]
    """Field, or `deny` → the rule that decided it."""


def said_by(decision: Decision) -> Said:
    """What the server says, for comparison."""
    denial = decision.denial
    return Said(
        denial and (denial.reason, denial.text, denial.answer.value),
        decision.state,
        decision.assigned,
        decision.notify,
        tuple(
            (one.presentity, one.asked.feature, one.asked.state, one.rule) for one in decision.also
        ),
        decision.expires,
        decision.lifted,
        decision.logs,
        tuple(one for one in decision.matched if not one.endswith("/exception")),
        decision.shadow,
        dict(decision.decided_by),
    )


# --- Values ---


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return "-" if value is None else str(value)


def _filled(text: str, fact: Fact) -> str:
    """A line to log, or a text for people."""

    def shown(found: re.Match[str]) -> str:
        return "".join(c if c.isprintable() else "\ufffd" for c in _shown(fact(found[1])))

    return re.sub(r"\$\{([^}]*)\}", shown, text)


def _usable(text: str, said: Mapping[str, Any]) -> Any:
    return text if text and len(text) <= MAX_TEXT and text.isprintable() else said.get("default")


def _worked_out(said: Any, fact: Fact) -> Any:  # noqa: PLR0911 - one for each form
    if not isinstance(said, dict):
        return said
    if "var" in said:
        return VARS[said["var"]]
    if "template" in said:
        names = re.findall(r"\$\{([^}]*)\}", said["template"])
        if any(fact(name) is None for name in names):
            return said.get("default")
        text = re.sub(r"\$\{([^}]*)\}", lambda found: _shown(fact(found[1])), said["template"])
        return _usable(text, said)
    value = fact(said["from"])
    if value is None:
        return said.get("default")
    if isinstance(value, int):
        return max(said.get("min", 1), min(said.get("max", 100), value))
    if "as" in said:
        number = fact("target.number")
        if number is None:
            return _usable(value, said)
        value = number
    strip = said.get("strip", "")
    value = value.removeprefix(strip)
    return _usable(said.get("prefix", "") + value, said)


def _values(said: Mapping[str, Any], feature: Feature, fact: Fact) -> Any:
    return values_from(
        {one: _worked_out(said[one.value], fact) for one in VALUES_OF[feature] if one.value in said}
    )


# --- Decisions ---


class _Rule(NamedTuple):
    id: str
    conditions: tuple[Mapping[str, Any], ...]
    exclusion: Mapping[str, Any] | None
    then: Mapping[str, Any]
    is_shadow: bool = False
    lifts: tuple[str, ...] = ()
    until: str = "9999-12-31"

    def matches(self, fact: Fact, at: datetime) -> bool:
        denies = "deny" in self.then
        for_it, against_it = (True, False) if denies else (None, None)
        exclusion = self.exclusion
        return (
            all(holds(one, fact, at, denies=for_it) for one in self.conditions)
            and not (exclusion is not None and holds(exclusion, fact, at, denies=against_it))
            and at.date().isoformat() <= self.until
        )


class PlainPolicies:
    """Policies that are read and decided anew."""

    def __init__(self, sources: Sequence[Source], site: Any) -> None:
        """`site` is what facts about people and numbers are read from."""
        self._site = site
        documents = [read(one) for one in sources if one.file.endswith(".yaml")]
        bands = ["mandatory", "normal", "default"]
        policies = [one for one in documents if one["kind"] in ("Policy", "Exception")]
        policies.sort(
            key=lambda one: (bands.index(one.get("band", "normal")), -one.get("priority", 500))
        )
        self._rules = [rule for one in policies for rule in _rules_of(one)]

    def decide(self, view: View) -> Said:
        """What they say to a request."""
        fact = facts_of(view._replace(site=self._site))
        request, at = view.request, view.at
        matching = [rule for rule in self._rules if rule.matches(fact, at)]
        rules = [rule for rule in matching if not rule.is_shadow]
        lifted = []
        for rule in rules:
            lifting = [one.id for one in rules if rule.id in one.lifts]
            lifted += [(rule.id, lifting[0])] if lifting else []
        logs = tuple(_filled(rule.then["log"], fact) for rule in rules if "log" in rule.then)
        fields, by = _fields(rules)
        feature, operation = request.feature, request.operation
        stored = OFF if feature is None else view.snapshot.state(feature)
        row = ROWS[feature] if feature else Row()
        assigned, notify = fields.get("assigned", row.assigned), _NOTIFY[fields.get("notify", True)]
        denial, denied_by = _denial(rules, [name for name, _ in lifted], fact)
        seen = (
            tuple(rule.id for rule in matching if not rule.lifts),
            tuple(rule.id for rule in matching if rule.is_shadow),
            _decided(by, operation, feature, denied_by),
        )
        if operation is Operation.SUBSCRIBE:
            is_own = request.requester.watcher == request.presentity
            if denial is None and not is_own and not fields.get("allow"):
                text = "Only the presentity's own phones may subscribe"
                denial = ("not-your-presentity", text, "reject-403")
            return Said(denial, stored, True, NotifyScope.ALL, (), None, tuple(lifted), logs, *seen)
        assert feature is not None
        if denial is not None:
            state, told = stored, row.assigned
            if operation is Operation.GET:
                told = assigned and denial[2] not in ("unassigned", "reject-403")
                state = switched_off(feature, stored) if denial[2] == "off" else stored
            return Said(denial, state, told, notify, (), None, tuple(lifted), logs, *seen)
        state = _state(feature, request.asked, stored, fields, fact)
        also, expires = (), None
        if operation is Operation.SET:
            also = tuple(self._also(rules, fact))
            if "expire" in fields and state.status:
                expires = _ends(fields["expire"], at, fact)
        return Said(None, state, assigned, notify, also, expires, tuple(lifted), logs, *seen)

    def _also(self, rules: Sequence[_Rule], fact: Fact) -> Iterator[Any]:
        for rule in _until_final(rules):
            for one in rule.then.get("also", ()):
                feature, status = Feature(one["feature"]), one["status"]
                is_on = bool(fact("request.status") if status == "request" else status)
                state = state_of(
                    feature, FeatureState(is_on, _values(one.get("values", {}), feature, fact))
                )
                for whose in self._whose(one, fact):
                    is_user = re.fullmatch(r"[^@:<>\"\s]+", whose.user)
                    if is_user and re.fullmatch(r"[^@/<>\"\s,;]+", whose.domain):
                        yield whose, feature, state, rule.id

    def _whose(self, said: Mapping[str, Any], fact: Fact) -> list[Aor]:
        user, domain = fact("user"), fact("domain")
        if "group" in said:
            members = self._site.directory.members_of(domain, said["group"])
            return [Aor(one, domain) for one in members if one != user]
        if "user" in said:
            user = _worked_out({"template": said["user"]}, fact)
        if "domain" in said:
            domain = _worked_out({"template": said["domain"]}, fact)
        return [Aor(user or "", (domain or "").lower())]


def _rules_of(document: Mapping[str, Any]) -> Iterator[_Rule]:
    name = document["metadata"]["name"]
    if document["kind"] == "Exception":
        yield _Rule(
            f"{name}/exception",
            (document.get("when", {}),),
            document.get("unless"),
            {},
            lifts=tuple(document["for"]),
            until=str(document.get("until", "9999-12-31")),
        )
        return
    for rule in document["rules"]:
        modes = {document.get("mode", "enforce"), rule.get("mode", "enforce")}
        if "off" not in modes:
            conditions = (document.get("scope", {}), rule.get("when", {}))
            yield _Rule(
                f"{name}/{rule['id']}",
                conditions,
                rule.get("unless"),
                rule["then"],
                is_shadow="shadow" in modes,
            )


def _until_final(rules: Sequence[_Rule]) -> Iterator[_Rule]:
    for rule in rules:
        yield rule
        if rule.then.get("final"):
            return


def _fields(rules: Sequence[_Rule]) -> tuple[dict[str, Any], dict[str, str]]:
    """Field → what is said first, and which rule says it."""
    fields: dict[str, Any] = {}
    by: dict[str, str] = {}
    for rule in _until_final(rules):
        for name, said in {**rule.then, **rule.then.get("values", {})}.items():
            fields.setdefault(name, said)
            by.setdefault(name, rule.id)
    return fields, by


def _decided(
    by: Mapping[str, str], operation: Operation, feature: Feature | None, denied_by: str | None
) -> dict[str, str]:
    """Field → the rule that decides it, of the fields that a question has."""
    if feature is None:
        names = ["allow"]
    else:
        names = ["status", "assigned", "notify", *(one.value for one in VALUES_OF[feature])]
        names += ["expire"] if operation is Operation.SET else []
    if denied_by is None:
        return {name: by[name] for name in names if name in by}
    kept = {"notify": by.get("notify")} if feature else {}
    if operation is Operation.GET:
        kept["assigned"] = by.get("assigned")
    return {"deny": denied_by, **{name: rule for name, rule in kept.items() if rule is not None}}


def _denial(rules: Sequence[_Rule], lifted: Sequence[str], fact: Fact) -> tuple[Any, str | None]:
    for rule in rules:
        if "deny" in rule.then and rule.id not in lifted:
            said = rule.then["deny"]
            said = {"reason": said} if isinstance(said, str) else said
            text = said.get("text")
            text = text if text is None else _filled(text, fact)[:MAX_TEXT]
            return (said["reason"], text, said.get("answer", "stored")), rule.id
    return None, None


def _state(
    feature: Feature, asked: FeatureState | None, stored: FeatureState, fields: Any, fact: Fact
) -> FeatureState:
    spelling = ROWS[feature].spelling
    status, values = asked or stored
    if asked is not None:
        values = values_over(values, spelling.kept(asked, stored) if spelling else stored.values)
    match fields.get("status", "request"):
        case "stored":
            status = stored.status
        case 0 | 1 as number:
            status = number == 1
        case _:
            pass
    said = _values(fields, feature, fact)
    state = FeatureState(status, values_over(said, values))
    if spelling is None:
        return state
    word = dict(said).get(Value.STATE)
    return spelling.agreed(
        state if word is None else state._replace(status=word == "ready"), stored
    )


def _ends(said: Any, at: datetime, fact: Fact) -> datetime | None:
    if isinstance(said, str) and not said.startswith("until "):
        return at + timedelta(**{_UNITS[said[-1]]: int(said[:-1])})
    if isinstance(said, dict) and "during" in said:
        if not is_within(said["during"], at, fact):
            return None
        end = at
        while is_within(said["during"], end, fact):
            end += timedelta(minutes=1)
        return end
    shown = said.removeprefix("until ") if isinstance(said, str) else said["until"]
    zone = ZoneInfo(said["tz"]) if isinstance(said, dict) and "tz" in said else UTC
    end = at + timedelta(minutes=1)
    while end.astimezone(zone).strftime("%H:%M") != shown:
        end += timedelta(minutes=1)
    return end
