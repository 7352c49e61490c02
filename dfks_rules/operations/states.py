"""States of features in JSON: what an operator writes, and what he is told."""

from collections.abc import Iterable, Mapping
from typing import Any

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.decisions import Decision, Outcome
from dfks_rules.model.features import ROWS, VALUES_OF, Feature, FeatureState, Spelling, values_from
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import MAX_TEXT, Choice, Integer, Text, Value
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.sip.uri import parse_aor


def aor_from(text: str) -> Aor:
    """An address of record: `sip:alice@host`, with port or parameters, `sips:`, or `alice@host`.

    Raises:
        ValueError: it is none, and why.
    """
    try:
        return parse_aor(printable_from(text))
    except MalformedMessageError as error:
        raise ValueError(error.message) from error


def domain_from(text: str) -> str:
    """The domain of an address of record: a host name or an address, IPv6 in brackets; lower case.

    Raises:
        ValueError: it is none.
    """
    domain = printable_from(text).lower()
    try:
        is_domain = parse_aor(f"x@{domain}").domain == domain
    except MalformedMessageError:
        is_domain = False
    if not is_domain:
        message = phrase("`{domain}` is not a domain such as example.com", domain=domain[:40])
        raise ValueError(message)
    return domain


def printable_from(text: str) -> str:
    """Printable text of at most `MAX_TEXT` characters.

    Raises:
        ValueError: it is not.
    """
    if len(text) > MAX_TEXT:
        message = phrase("longer than {max_text} characters", max_text=MAX_TEXT)
        raise ValueError(message)
    if not text.isprintable():
        message = phrase("not printable")
        raise ValueError(message)
    return text


def state_from(feature: Feature, status: bool, values: Iterable[tuple[str, str]]) -> FeatureState:  # noqa: FBT001 - as in FeatureState
    """The state that is asked for.

    Args:
        feature: whose.
        status: on or off.
        values: name and text of each value; a text is not empty.

    Raises:
        ValueError: they do not suit the feature, or the status.
    """
    found: dict[Value, str | int] = {}
    for name, text in values:
        value = _value_named(feature, name)
        if value in found:
            message = phrase("`{name}` is given twice", name=name)
            raise ValueError(message)
        try:
            found[value] = _value_from(value.kind, printable_from(text))
        except ValueError as error:
            message = phrase("`{name}` is {error}", name=name, error=error)
            raise ValueError(message) from None
    state = FeatureState(status, values_from(found))
    spelling = ROWS[feature].spelling
    if spelling is not None:
        _check_words(spelling, state)
    return state


def state_json(state: FeatureState) -> dict[str, Any]:
    """A state: `status`, 0 or 1, and the values that are known."""
    return {"status": int(state.status), **state.by_name}


def decision_json(decision: Decision) -> dict[str, Any]:
    """A decision, without its state."""
    return {
        "effect": "deny" if decision.denial else "allow",
        "assigned": decision.assigned,
        "notify": decision.notify.value,
        "matched": list(decision.matched),
        "decided_by": dict(decision.decided_by),
        "revision": decision.revision,
    }


def denying_rule(outcome: Outcome) -> str | None:
    """Id of the rule that refuses; None where none does."""
    by: Mapping[str, str] = outcome.decision.decided_by
    return by.get("deny")


def _value_named(feature: Feature, name: str) -> Value:
    allowed = VALUES_OF[feature]
    for value in allowed:
        if value.value == name:
            return value
    names = joined(phrase(" or "), (f"`{value.value}`" for value in allowed))
    known = names if allowed else phrase("no values")
    message = phrase("the feature takes {known}, not `{name}`", known=known, name=name)
    raise ValueError(message)


def _value_from(kind: Text | Integer | Choice, text: str) -> str | int:
    match kind:
        case Text():
            return text
        case Integer(least, most):
            digits = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
            if digits and least <= int(text) <= most:
                return int(text)
            wanted = phrase("{least} to {most}", least=least, most=most)
        case Choice(words):
            if text in words:
                return text
            wanted = phrase("one of {words}", words=", ".join(words))
    message = phrase("`{text}`, not {wanted}", text=text, wanted=wanted)
    raise ValueError(message)


def _check_words(spelling: Spelling, state: FeatureState) -> None:
    name, word = spelling.value.value, state.value(spelling.value)
    if word is not None and spelling.status_of(word) is not state.status:
        message = phrase(
            "`{name}/{word}` does not go with status {status}",
            name=name,
            word=word,
            status=int(state.status),
        )
        raise ValueError(message)
    if state.value(spelling.excuse) is not None and word != spelling.off:
        message = phrase(
            "`{value}` goes only with `{name}/{off}`",
            value=spelling.excuse.value,
            name=name,
            off=spelling.off,
        )
        raise ValueError(message)
