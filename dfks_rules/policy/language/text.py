"""Conditions → text in the policy language. No other file writes conditions."""

from collections.abc import Hashable

from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import SignedAtom
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import MATCHERS, Named, Operand

_NEGATED = {
    matcher.negates: matcher.name for matcher in MATCHERS.values() if matcher.negates is not None
}
"""Matcher → its exact negation."""


def literal_text(literal: SignedAtom) -> str:
    """A test or its negation as an author writes it: `request.forwardTo: {prefix: sip:+44}`."""
    (fact, name, operand), positive = literal
    if MATCHERS[name].operand is Operand.FLAG:
        return f"{fact}: {{{name}: {'true' if positive else 'false'}}}"
    written = _operand_text(operand)
    if not positive and name in _NEGATED:
        return f"{fact}: {{{_NEGATED[name]}: {written}}}"
    is_plain = name == "eq" or (name == "in" and not isinstance(operand, NamedList))
    test = written if is_plain else f"{{{name}: {written}}}"
    return f"{fact}: {test}" if positive else f"not {{{fact}: {test}}}"


def value_text(value: object) -> str:
    """A value on one line: text in quotes, `absent` for an absent fact."""
    if value is None:
        return phrase("absent")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(printable, value))}]"
    return f'"{printable(value)}"' if isinstance(value, str) else str(value)


def saw_text(seen: dict[str, FactValue], fact: str) -> str:
    """The values a test saw; facts other than the tested one are named."""
    return joined(
        ", ",
        (
            value_text(value)
            if name == fact
            else phrase("{name} {value}", name=name, value=value_text(value))
            for name, value in seen.items()
        ),
    )


def _operand_text(operand: Hashable) -> str:
    match operand:
        case frozenset():
            return f"[{', '.join(sorted(map(_operand_text, operand)))}]"
        case Named(name, _):
            return printable(name)
        case NamedList():
            return f"{{list: {printable(operand.name)}}}"
        case (one,):
            return _operand_text(one)
        case tuple():
            return f"[{', '.join(map(_operand_text, operand))}]"
        case _:
            return printable(str(operand).lower() if isinstance(operand, bool) else operand)


def printable(value: object) -> str:
    """Text on one line, without terminal control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
