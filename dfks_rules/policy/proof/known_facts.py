"""Which facts proofs know, and when a request has them.

A fact that is not here makes a question undecided: nothing is claimed of what nobody has thought
about.
"""

from enum import Enum

from dfks_rules.model.features import FEATURES
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import VALUES
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.facts import FACTS, fact_named
from dfks_rules.policy.facts.families import PEOPLE, group_in
from dfks_rules.policy.facts.there import ALWAYS, features_with
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.proof.undecided import Undecided


class Presence(Enum):
    """Whether requests about one question have a fact."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


MOMENT = ("time", "weekday", "date", "now")
"""Facts that the moment of the request decides."""
TARGET = tuple(
    f"target.{name}"
    for name in (
        *("kind", "class", "reach", "number", "numbers", "country"),
        *("user", "domain", "self", "loop"),
    )
)
"""Facts of the forward target."""
_COUNTED = ("user", "device", "domain", "target")
_STATES = ("request", "stored", *(feature.value for feature in FEATURES))
KNOWN = frozenset(
    [
        *("op", "feature", "origin", "presentity", "user", "domain", "param"),
        *("watcher", "watcher.user", "watcher.domain", "auth.method", "auth.user"),
        *("device", "userAgent", "transport", "source.ip", "groups", "role"),
        *("watcher.groups", "watcher.role", "target.groups", "target.role"),
        *(f"rate.{of}{end}" for of in _COUNTED for end in ("", ".hour", ".day")),
        *MOMENT,
        *TARGET,
        *(f"{of}.{name}" for of in _STATES for name in ("status", *(one.value for one in VALUES))),
    ]
)
"""The facts that proofs know; some of their combinations do not exist."""


def demand_known(fact: str) -> None:
    """Refuses a fact that proofs do not know.

    Raises:
        Undecided: it is one.
    """
    if fact not in KNOWN and not _is_attribute(fact) and group_in(fact) is None:
        raise Undecided(phrase("proofs do not know the fact `{fact}`", fact=fact))


def _is_attribute(fact: str) -> bool:
    """Whether it is what a column of the directory says about somebody."""
    return fact.partition(".")[0] in PEOPLE and fact not in FACTS and fact_named(fact) is not None


def presence(fact: str, question: Question) -> Presence:
    """Whether requests have a fact.

    Raises:
        Undecided: proofs do not know it.
    """
    demand_known(fact)
    operation, feature = question
    row = fact_named(fact)
    if row is None or operation not in row.operations:
        return Presence.NEVER
    if feature is not None and feature not in features_with(fact):
        return Presence.NEVER
    if operation in ALWAYS.get(fact, frozenset[Operation]()):
        return Presence.ALWAYS
    return Presence.SOMETIMES


def stored_name(fact: str, question: Question) -> str:
    """The one name of a stored fact that has two, as it is about the feature that is asked for."""
    feature = question[1]
    about, _, name = fact.partition(".")
    return f"stored.{name}" if feature is not None and about == feature.value else fact
