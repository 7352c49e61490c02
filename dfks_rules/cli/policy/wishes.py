"""What the author of a new policy answers to five questions → the policy."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from dfks_rules.model.features import VALUES_OF, Feature
from dfks_rules.model.values import Value
from dfks_rules.policy.language.expiry import parse_expire
from dfks_rules.policy.language.schedules import WEEKLY_PATTERN, parse_weekly, parse_zone
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.yaml.scalar import flow, scalar

_USER = re.compile(r"[^\s@:{}]+")
_GROUP = re.compile(r"group:(\S+)")
_DOMAIN = re.compile(r"@([^A-Z@\s]+)")
_AOR = re.compile(r"(?:sip:)?([^@\s:]+@[^A-Z@\s]+)")
_ON_OR_OFF = re.compile(r"(on|off)(?: (\S+))?")
_ALSO = re.compile(r"([A-Za-z]+) (on|off)(?: (\S+))?")
_ZONE = re.compile(r"(.*?)(?: ([A-Z]\S*))?")
_TARGET = re.compile(r"(?:sips?|tel):\S+|[+*#0-9]+")


class Wish(NamedTuple):
    """The answers."""

    what: str
    """Key of `PURPOSES`."""
    feature: Feature
    """Which feature it is about."""
    whom: dict[str, Any]
    """Conditions on the user."""
    when: tuple[str, str | None, bool] | None
    """Weekly hours, time zone, whether within them; None: always."""
    then: dict[str, Any]
    """Effects."""

    @property
    def name(self) -> str:
        """A name for the policy, such as `deny-do-not-disturb`."""
        return self.what + re.sub("[A-Z]", lambda upper: f"-{upper[0].lower()}", self.feature.value)

    def text(self, name: str) -> str:
        """The policy, to be laid out."""
        when: dict[str, Any] = {"op": "get" if self.what == "answer" else "set"}
        when["feature"] = self.feature.value
        if self.what != "answer":
            when["request.status"] = 1
        when |= self.whom
        lines = ["apiVersion: dfks/v1", "kind: Policy", f"metadata: {{name: {scalar(name)}}}"]
        if self.when is not None:
            weekly, zone, is_within = self.when
            schedule = {"weekly": [weekly], **({"tz": zone} if zone else {})}
            lines += ["schedules:", f"  hours: {flow(schedule)}"]
            when["time"] = {"during" if is_within else "outside": "hours"}
        lines += ["rules:", f"  - id: {self.what}", f"    when: {flow(when)}"]
        return "\n".join([*lines, f"    then: {flow(self.then)}", ""])


def feature_of(answer: str) -> Feature:
    """The feature of this name.

    Raises:
        ValueError: there is none.
    """
    names = [one.value for one in Feature]
    if answer not in names:
        known = ", ".join(f"`{name}`" for name in names)
        hint = did_you_mean(answer, names) or f"; there are {known}"
        raise ValueError(f"no feature is called {quoted(answer)}{hint}")
    return Feature(answer)


def whom_of(answer: str) -> dict[str, Any]:
    """The condition on the user.

    Raises:
        ValueError: the answer has none of the forms.
    """
    if answer in ("everybody", "everyone", "anybody", "anyone", "all"):
        return {}
    if found := _GROUP.fullmatch(answer):
        return {"groups": {"has": found[1]}}
    if found := _DOMAIN.fullmatch(answer):
        return {"domain": found[1]}
    if found := _AOR.fullmatch(answer):
        return {"presentity": f"sip:{found[1]}"}
    if _USER.fullmatch(answer):
        return {"user": answer}
    raise ValueError(f"{quoted(answer)} is none of these: {WHOM}")


def when_of(answer: str) -> tuple[str, str | None, bool] | None:
    """The hours.

    Raises:
        ValueError: the answer has none of the forms.
    """
    if answer == "always":
        return None
    is_within = not answer.startswith("not ")
    found = _ZONE.fullmatch(answer.removeprefix("not "))
    weekly, zone = (found[1], found[2]) if found else (answer, None)
    if not re.search(WEEKLY_PATTERN, weekly):
        raise ValueError(f"{quoted(answer)} is none of these: {WHEN}")
    parse_weekly(weekly)
    if zone:
        parse_zone(zone)
    return weekly, zone, is_within


def _denied(answer: str, feature: Feature) -> dict[str, Any]:
    return {"deny": {"reason": "not-allowed", "text": answer}}


def _answered(answer: str, feature: Feature) -> dict[str, Any]:
    found = _ON_OR_OFF.fullmatch(answer)
    if not found:
        raise ValueError(f"{quoted(answer)} is none of these: {PURPOSES['answer'].then}")
    return _state(feature, found[1], found[2])


def _followed(answer: str, feature: Feature) -> dict[str, Any]:
    found = _ALSO.fullmatch(answer)
    if not found:
        raise ValueError(f"{quoted(answer)} is not {PURPOSES['follow'].then}")
    other = feature_of(found[1])
    if other is feature:
        raise ValueError(f"{feature.value} cannot follow itself")
    return {"also": [{"feature": other.value, **_state(other, found[2], found[3])}]}


def _expiring(answer: str, feature: Feature) -> dict[str, Any]:
    parse_expire(answer)
    return {"expire": answer}


def _state(feature: Feature, status: str, target: str | None) -> dict[str, Any]:
    if target and Value.FORWARD_TO not in VALUES_OF[feature]:
        raise ValueError(f"{feature.value} has no target")
    if target and not _TARGET.fullmatch(target):
        wanted = "like `sip:night@acme.example` or `+4930123456`"
        raise ValueError(f"{quoted(target)} is not a target {wanted}")
    values = {"values": {"forwardTo": target}} if target else {}
    return {"status": int(status == "on"), **values}


class What(NamedTuple):
    """Something that a new policy can do."""

    meaning: str
    """For the question."""
    then: str
    """What its last answer must be."""
    effects: Callable[[str, Feature], dict[str, Any]]
    """The last answer, and the feature → effects; raises `ValueError`."""


PURPOSES = {
    "deny": What("refuse to switch a feature on", "a text for the user", _denied),
    "answer": What(
        "tell phones something other than what is stored",
        "`on`, `off`, or `on` and a target, like `on sip:night@acme.example`",
        _answered,
    ),
    "follow": What(
        "switch another feature when one is switched on",
        "another feature, and what becomes of it, like `CallForwardingAlways off`",
        _followed,
    ),
    "expire": What("let a feature end by itself", "`2h` or `until 18:00`", _expiring),
}
"""First answer → what it makes."""
WHOM = (
    "`everybody`, a user like `alice` or `sip:alice@acme.example`, a group like `group:sales`, "
    "a domain like `@acme.example`"
)
WHEN = (
    "`always`, hours like `Mon-Fri 08:00-18:00` or `Mon-Fri 08:00-18:00 Europe/Berlin`, "
    "all but these hours: `not Mon-Fri 08:00-18:00`"
)
