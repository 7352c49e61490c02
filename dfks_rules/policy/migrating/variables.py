"""Variables of scripts → facts."""

import re

from dfks_rules.model.requests import Operation
from dfks_rules.model.values import VALUES
from dfks_rules.policy.migrating.transformations import transformed

_DFKS = re.compile(r"\$dfks\(\s*([\w/]+)\s*\)")
_OF_REQUEST = {
    "$fu": "watcher",
    "$fU": "watcher.user",
    "$fd": "watcher.domain",
    "$tu": "presentity",
    "$tU": "user",
    "$td": "domain",
    "$ru": "presentity",
    "$rU": "user",
    "$rd": "domain",
    "$si": "source.ip",
    "$ua": "userAgent",
    "$au": "auth.user",
    "$aU": "auth.user",
}
"""Variables of the SUBSCRIBE, which is what a route runs on."""
_IN_TEXT = re.compile(r"\$\w+(?:\([\w/=;:]*\))?")

STATUS, ASSIGNED, NOTIFY = "status", "assigned", "notify"
FIELDS = (STATUS, ASSIGNED, NOTIFY, *(value.value for value in VALUES))
"""What a route can set; as rules call it."""


def field_of(variable: str) -> str | None:
    """`$dfks(value/forwardTo)` → `forwardTo`; None: it is none that can be set."""
    found = _DFKS.fullmatch(variable)
    name = found[1].removeprefix("value/") if found else ""
    return name if name in FIELDS else None


def fact_of(variable: str, operation: Operation) -> str | None:
    """The fact that a variable is when a route begins; None: there is none.

    Of a set, `$dfks(status)` is what is asked for; of a get, what is stored.
    """
    whole = transformed(variable)
    if whole is not None and whole.length is None and not whole.ignores_case:
        variable = whole.variable
    found = _DFKS.fullmatch(variable)
    if found is None:
        return _OF_REQUEST.get(variable)
    name = found[1].removeprefix("value/")
    if name in ("presentity", "feature", "param"):
        return name
    if name in (STATUS, *(value.value for value in VALUES)):
        return f"{'request' if operation is Operation.SET else 'stored'}.{name}"
    return None


def template_of(text: str, operation: Operation) -> str | None:
    """A text with variables → with facts; None if one of them is no fact."""
    facts = {name: fact_of(name, operation) for name in _IN_TEXT.findall(text)}
    if None in facts.values():
        return None
    return _IN_TEXT.sub(lambda found: f"${{{facts[found[0]]}}}", text)
