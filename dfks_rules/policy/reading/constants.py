"""Well-formed constants that no value of the fact can equal, begin with or end with."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET, Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language.implication import start_of
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import MATCHERS, Named, Operand
from dfks_rules.policy.language.patterns import literal_start
from dfks_rules.policy.words.countries import country_problem

_SCHEME = "sip:"
_SEPARATORS = re.compile(r"[\s()./-]")
_NUMBER_FACTS = ("target.number", NUMBERS_OF_TARGET)
_USERS = ("user", "watcher.user", "target.user")
_NUMBER: dict[str, re.Pattern[str]] = {
    "eq": re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII),
    "prefix": re.compile(r"\+([1-9][0-9]{0,14})?", re.ASCII),
    "suffix": re.compile(r"\+?[0-9]+", re.ASCII),
    "has": re.compile(r"\+?[0-9]+", re.ASCII),
}
"""Matcher → the form of its constants when the fact is a number in E.164 form."""


def refuse_constants(fact: str, name: str, operand: Any) -> None:
    """Make sure that at least one value of a fact can pass a matcher.

    Args:
        fact: name of the fact.
        name: name of the matcher, which suits the fact.
        operand: the operand as written.

    Raises:
        ValueError: a constant suits no value of the fact; the message says which in plain words.
    """
    if name == "between" and fact in _NUMBER_FACTS:
        raise ValueError(
            phrase(
                "no number passes: all begin with `+`; test their beginning, as in "
                "`prefix: [+493012]`"
            )
        )
    if MATCHERS[name].operand in (Operand.CONSTANT, Operand.LIST, Operand.TEXTS):
        for constant in operand if isinstance(operand, list) else [operand]:
            _refuse_constant(fact, name, constant)


def wrong_entries(fact: str, name: str, listed: NamedList) -> dict[str, str]:
    """The entries of a list that suit no value of a fact, and for each the reason.

    Args:
        fact: name of the fact.
        name: name of the matcher, which suits the fact and takes a list.
        listed: what the fact is tested with.
    """
    found = listed.wrong.get((fact, name))
    if found is None:
        # Of 200,000 entries, a second look would take as long as the first one.
        found = listed.wrong[fact, name] = dict(_wrong_entries(fact, name, listed))
    return found


def _wrong_entries(fact: str, name: str, listed: NamedList) -> Iterator[tuple[str, str]]:
    for entry in listed.entries:
        try:
            _refuse_constant(fact, name, entry)
        except ValueError as error:
            yield entry, str(error)


def _refuse_constant(fact: str, name: str, constant: Any) -> None:
    kind, is_part = known_fact(fact).kind, MATCHERS[name].operand is Operand.TEXTS
    if not is_part and kind in _OF_KIND:
        _OF_KIND[kind](constant)
    if isinstance(constant, str):
        _refuse_text(fact, kind, name if is_part else "eq", constant)


def _refuse_text(fact: str, kind: Kind, name: str, text: str) -> None:
    if fact in _NUMBER_FACTS:
        _refuse_number(name, text)
    if fact in _USERS and name in ("eq", "prefix", "suffix", "has") and "@" in text:
        raise ValueError(
            phrase("`{text}` is a user and a domain; test each with its own fact", text=text)
        )
    if kind is Kind.AOR:
        _refuse_address(name, text)
    if kind is Kind.DOMAIN and name in ("prefix", "suffix", "has"):
        _refuse_capitals(text, text)


def _refuse_number(name: str, text: str) -> None:
    if name not in _NUMBER:
        if name == "glob" and re.search(r"\s", text):
            raise ValueError(
                phrase("`{text}` contains a space; a number is `+` and digits", text=text)
            )
        return
    if _NUMBER[name].fullmatch(text):
        return
    plain = _SEPARATORS.sub("", text)
    if _NUMBER[name].fullmatch(plain):
        raise ValueError(phrase("`{text}` must be digits only: `{plain}`", text=text, plain=plain))
    raise ValueError(phrase("`{text}` is not an E.164 number, like `+4930123456`", text=text))


def _refuse_address(name: str, text: str) -> None:
    match name:
        case "prefix":
            start = text
        case "glob":
            start = start_of(Named(text, None))
        case "regex":
            start = literal_start(text)
        case _:
            start = ""
    if not (start.startswith(_SCHEME) or _SCHEME.startswith(start)):
        raise ValueError(
            phrase(
                "`{text}` matches no address; all begin with `{scheme}`: write `{scheme}{text}`",
                text=text,
                scheme=_SCHEME,
            )
        )
    if name == "suffix":
        _refuse_capitals(text, text.rpartition("@")[2])


def _refuse_capitals(text: str, domain: str) -> None:
    if domain != domain.lower():
        lower = text.removesuffix(domain) + domain.lower()
        raise ValueError(
            phrase(
                "`{text}` matches no domain; all are in lower case: write `{lower}`",
                text=text,
                lower=lower,
            )
        )


def _refuse_day(constant: str) -> None:
    try:
        date.fromisoformat(constant)
    except ValueError as error:
        raise ValueError(phrase("`{text}` is not a calendar date", text=constant)) from error


def _refuse_country(constant: str) -> None:
    if problem := country_problem(constant):
        raise ValueError(problem)


def _refuse_ip(constant: str) -> None:
    try:
        canonical = str(ipaddress.ip_address(constant))
    except ValueError as error:
        raise ValueError(
            phrase("`{constant}` is not an address; a network takes `cidr`", constant=constant)
        ) from error
    if canonical != constant:
        raise ValueError(
            phrase(
                "`{constant}` must be written `{canonical}`", constant=constant, canonical=canonical
            )
        )


_OF_KIND: dict[Kind, Callable[[str], None]] = {
    Kind.DATE: _refuse_day,
    Kind.COUNTRY: _refuse_country,
    Kind.IP: _refuse_ip,
}
"""Type of a fact → the function that refuses a constant which is not a value of that type."""
