"""Facts derived from the request and the site's files: users and targets.

Cases and logs may give these facts directly instead of everything they are derived from.
"""

from collections.abc import Callable

from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import (
    ABOUT_A_FEATURE,
    EVERY_OPERATION,
    NUMBERS_OF_TARGET,
    Fact,
    FactReader,
    Kind,
)
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.site.targets import KINDS, REACHES, Target


def derived(
    name: str,
    kind: Kind,
    description: str,
    read: FactReader,
    words: tuple[str, ...] = (),
    operations: frozenset[Operation] = ABOUT_A_FEATURE,
) -> Fact:
    """A fact that `View.given` may override."""

    def given_or_read(view: View) -> FactValue:
        for given, value in view.given:
            if given == name:
                return value
        return read(view)

    return Fact(name, kind, operations, description, given_or_read, words, derived=True)


def _of_target(
    name: str, kind: Kind, description: str, read: Callable[[Target], FactValue], *words: str
) -> Fact:
    """A fact about the forward target; absent where there is no target."""

    def of_target(view: View) -> FactValue:
        target = view.target
        return None if target is None else read(target)

    return derived(f"target.{name}", kind, description, of_target, words)


def of_watcher(read: Callable[[View, Aor], FactValue]) -> FactReader:
    """Reads what is known about the watcher; absent where nobody watches."""

    def read_watcher(view: View) -> FactValue:
        watcher = view.request.requester.watcher
        return None if watcher is None else read(view, watcher)

    return read_watcher


def of_target_user(read: Callable[[View, Aor], FactValue]) -> FactReader:
    """Reads what is known about the user that the target is; absent where it is none of ours."""

    def read_target(view: View) -> FactValue:
        target = view.target
        return None if target is None or target.aor is None else read(view, target.aor)

    return read_target


def _groups(view: View, user: Aor) -> FactValue:
    return view.site.directory.groups_of(user) or None


def _role(view: View, user: Aor) -> FactValue:
    return view.site.directory.role_of(user)


def _numbers(view: View) -> FactValue:
    """Every number that the target can be read as: who gives one gives all."""
    for given, value in view.given:
        if given == "target.number":
            return None if value is None else (str(value),)
    target = view.target
    return None if target is None else target.numbers or None


def _loops(view: View) -> FactValue:
    target = view.target
    if target is None:
        return None
    return view.site.loops(view.request.presentity, target, view.around.stored_of)


DERIVED_FACTS: tuple[Fact, ...] = (
    derived(
        "groups",
        Kind.NAMES,
        "Groups of the presentity, from the directory; absent if it is in none.",
        lambda v: _groups(v, v.request.presentity),
        operations=EVERY_OPERATION,
    ),
    derived(
        "role",
        Kind.TEXT,
        "Role of the presentity, from the directory; absent if it has none.",
        lambda v: _role(v, v.request.presentity),
        operations=EVERY_OPERATION,
    ),
    derived(
        "watcher.groups",
        Kind.NAMES,
        "Groups of the watcher, from the directory; absent if it is in none.",
        of_watcher(_groups),
        operations=EVERY_OPERATION,
    ),
    derived(
        "watcher.role",
        Kind.TEXT,
        "Role of the watcher, from the directory; absent if it has none.",
        of_watcher(_role),
        operations=EVERY_OPERATION,
    ),
    _of_target(
        "kind",
        Kind.WORD,
        "What the target is: one of our users, an external number, an address in another domain, a "
        "feature code, or nothing that can be called.",
        lambda t: t.kind,
        *KINDS,
    ),
    _of_target(
        "class",
        Kind.CLASS,
        "Most specific class of the target's number, built in or from the number plan.",
        lambda t: t.class_,
    ),
    _of_target(
        "reach",
        Kind.WORD,
        "How far away it is: inside, in the domain's own country, or abroad; absent if unknown.",
        lambda t: t.reach,
        *REACHES,
    ),
    _of_target(
        "number",
        Kind.TEXT,
        "The target's number in E.164 form, like `+4930123456`; absent if it has none.",
        lambda t: t.number,
    ),
    derived(
        NUMBERS_OF_TARGET,
        Kind.NUMBERS,
        "Every number that the target can be read as, in E.164 form; absent if it has none.",
        _numbers,
    ),
    _of_target(
        "country",
        Kind.COUNTRY,
        "Country of the number (ISO 3166), like `DE`; absent if it belongs to none.",
        lambda t: t.country,
    ),
    _of_target(
        "user",
        Kind.TEXT,
        "User part of the target: of one of our users, or of an address in another domain.",
        lambda t: t.user,
    ),
    _of_target(
        "domain",
        Kind.DOMAIN,
        "Domain of the target, in lower case.",
        lambda t: t.domain,
    ),
    derived(
        "target.groups",
        Kind.NAMES,
        "Groups of the target, from the directory, if it is one of our users; absent if it is in "
        "none.",
        of_target_user(_groups),
    ),
    derived(
        "target.role",
        Kind.TEXT,
        "Role of the target, from the directory, if it is one of our users; absent if it has none.",
        of_target_user(_role),
    ),
    _of_target(
        "self",
        Kind.FLAG,
        "Whether the target is the presentity itself, by address or by number.",
        lambda t: t.self,
    ),
    derived(
        "target.loop",
        Kind.FLAG,
        "Whether stored forwards lead from the target back to the presentity.",
        _loops,
    ),
)
"""In the order of the documentation."""
