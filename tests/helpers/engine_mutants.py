"""Mutants of what decides: each is one thing that a server might do wrong.

A mutant is put where it is looked up at each use: a function that another module has imported by
name, or that a table holds, is replaced there, since elsewhere it would mutate nothing.
"""

import re
from collections.abc import Callable, MutableMapping
from fnmatch import fnmatch
from ipaddress import ip_address
from typing import Any, NamedTuple

from dfks_rules.model.decisions import AlsoSet, DenialAnswer
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding import combine, matching, sheets
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language import document, expiry, matchers, schedules, values
from dfks_rules.policy.language.document import AllOf, AnyOf, Band
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import MATCHERS, Atom
from dfks_rules.policy.reading.read import Reader
from dfks_rules.policy.site.directory import Directory


class Mutant(NamedTuple):
    """What is put in the place of what."""

    owner: Any
    """A module, a class, or a table."""
    name: str
    instead: Any

    def apply(self, monkeypatch: Any) -> None:
        """Puts it there."""
        if isinstance(self.owner, MutableMapping):
            monkeypatch.setitem(self.owner, self.name, self.instead)
        else:
            monkeypatch.setattr(self.owner, self.name, self.instead)


def _row(name: str, holds: Callable[[Any, Any], bool]) -> Mutant:
    """A matcher that does something else."""
    return Mutant(MATCHERS, name, MATCHERS[name]._replace(holds=holds))


def _of(name: str) -> Callable[[Any, Any], bool]:
    return MATCHERS[name].holds


_between, _cidr, _same, _regex = map(_of, ("between", "cidr", "sameAs", "regex"))


def _without_mapped(address: str, networks: Any) -> bool:
    return not address.startswith("::ffff:") and _cidr(address, networks)


def _all_networks(address: str, networks: Any) -> bool:
    return bool(networks) and all(_cidr(address, (one,)) for one in networks)


def _without_last_address(address: str, networks: Any) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _cidr(address, [one for one in networks if parsed != one.value.broadcast_address])


def _dot_is_all(value: str, patterns: Any) -> bool:
    return any(re.fullmatch(one.name, value, re.ASCII | re.DOTALL) for one in patterns)


def _all_the_same(value: Any, other: Any) -> bool:
    both = isinstance(value, tuple) and isinstance(other, tuple)
    return set(value) <= set(other) if both else _same(value, other)


MATCHER_MUTANTS: dict[str, Mutant] = {
    "eq is not": _row("eq", lambda value, one: value != one),
    "in is not in": _row("in", lambda value, some: value not in some),
    "lt is le": _row("lt", lambda value, one: value <= one),
    "le is lt": _row("le", lambda value, one: value < one),
    "gt is ge": _row("gt", lambda value, one: value >= one),
    "ge is gt": _row("ge", lambda value, one: value > one),
    "more is as much": _row("moreThan", lambda value, one: value >= one),
    "less is as much": _row("lessThan", lambda value, one: value <= one),
    "between is without the first": _row(
        "between", lambda value, ends: _between(value, (ends[0] + 1, ends[1]))
    ),
    "between is without the last": _row(
        "between", lambda value, ends: _between(value, (ends[0], ends[1] - 1))
    ),
    "between takes needless zeros": _row(
        "between",
        lambda value, ends: _between(
            (value.lstrip("0") or "0") if isinstance(value, str) else value, ends
        ),
    ),
    "has is a prefix": _row(
        "has",
        lambda value, some: any(
            one in value if isinstance(value, tuple) else value.startswith(one) for one in some
        ),
    ),
    "has wants all": _row("has", lambda value, some: all(one in value for one in some)),
    "prefix is the whole": _row("prefix", lambda value, some: value in some),
    "prefix is anywhere": _row(
        "prefix",
        lambda value, some: (
            some.starts(value) if isinstance(some, NamedList) else any(one in value for one in some)
        ),
    ),
    "suffix is a prefix": _row("suffix", lambda value, some: value.startswith(some)),
    "glob ignores case": _row(
        "glob", lambda value, some: any(fnmatch(value.lower(), one.name.lower()) for one in some)
    ),
    "glob is a beginning": _row(
        "glob",
        lambda value, some: any(
            fnmatch(value, one.name) or fnmatch(value, f"{one.name}*") for one in some
        ),
    ),
    "regex is a beginning": _row(
        "regex", lambda value, some: any(one.value.match(value) for one in some)
    ),
    "regex takes the first only": _row("regex", lambda value, some: _regex(value, some[:1])),
    "a dot is a line feed": _row("regex", _dot_is_all),
    "mapped addresses are not of IPv4": _row("cidr", _without_mapped),
    "cidr wants all networks": _row("cidr", _all_networks),
    "networks lack the last address": _row("cidr", _without_last_address),
    "sameAs ignores case": _row(
        "sameAs",
        lambda value, other: (
            _same(value, other) or (isinstance(value, str) and value.lower() == str(other).lower())
        ),
    ),
    "sameAs wants all names": _row("sameAs", _all_the_same),
    "during is always": _row("during", lambda *_: True),
    "a list is a text": Mutant(NamedList, "starts", lambda one, text: text in one.entries),
    "only the shortest of a list": Mutant(
        NamedList, "starts", lambda one, text: text[: one._lengths[0]] in one.entries
    ),
}
"""Of the table of matchers."""


# --- Conditions, and the engine ---

_holds, _condition, _chunks = Atom.holds, sheets._condition, sheets.chunks
_situation, _situations, _known_fact = matching._situation, matching.situations, known_fact


def _holds_where_absent(atom: Atom, lookup: Any) -> bool:
    return lookup(atom.facts[0]) is None or _holds(atom, lookup)


def _present_where_other_is_absent(atom: Atom, lookup: Any) -> bool:
    others = atom.facts[1:]
    return bool(others and lookup(others[0]) is None) or _holds(atom, lookup)


def _one_more(name: str) -> Any:
    fact = _known_fact(name)
    if fact.kind is not Kind.COUNT:
        return fact

    def read(view: Any) -> Any:
        value = fact.read(view)
        return value + 1 if isinstance(value, int) else None

    return fact._replace(read=read)


def _without_others(question: Any, domain: Any, sharding: Any, shards: Any) -> Any:
    if domain is not None:
        shares = {key: one for key, one in sharding.shares.items() if key[1] is not None}
        sharding = sharding._replace(shares=shares)
    return _situation(question, domain, sharding, shards)


def _first_share(question: Any, domain: Any, sharding: Any, shards: Any) -> Any:
    shares = {key: one[:1] for key, one in sharding.shares.items()}
    return _situation(question, domain, sharding._replace(shares=shares), shards)


def _shared_code(literal: Any, attributes: Any, flags: Any) -> Any:
    """Two constants of one fact stand for each other."""
    found = _condition(literal, attributes, flags)
    return {name: 1 if name.startswith("a") else what for name, what in found.items()}


def _any_of(reader: Any, keys: Any, path: Any, **more: Any) -> Any:
    found = _reader_condition(reader, keys, path, **more)
    return AnyOf(found.parts) if len(keys) > 1 and isinstance(found, AllOf) else found


_reader_condition, _rule, _header = Reader._condition, Reader.rule, Reader.header
_exception, _within, _effects = Reader.exception, schedules._within, Reader._effects


def _without_unless(reader: Any, policy: Any, scope: Any, position: int) -> Any:
    rule: Any = _rule(reader, policy, scope, position)
    return rule._replace(condition=AllOf(rule.condition.parts[:2]))


def _without_until(reader: Any, *others: Any) -> Any:
    policy: Any = _exception(reader, *others)
    (rule,) = policy.rules
    parts = rule.condition.parts
    if "until" in reader._tree.value:
        parts = parts[:-1]
    return policy._replace(rules=(rule._replace(condition=AllOf(parts)),))


def _until_the_end(today: Any, yesterday: Any, minute: int) -> bool:
    return _within(today, yesterday, minute) or _within(today, yesterday, minute - 1)


CONDITION_MUTANTS: dict[str, Mutant] = {
    "absent facts pass": Mutant(Atom, "holds", _holds_where_absent),
    "absent others pass": Mutant(Atom, "holds", _present_where_other_is_absent),
    "counts are off by one": Mutant(matching, "known_fact", _one_more),
    "negations are forgotten": Mutant(
        sheets, "_condition", lambda one, *rest: _condition(one._replace(positive=True), *rest)
    ),
    "constants have one code": Mutant(sheets, "_condition", _shared_code),
    "domains that are named have no other rules": Mutant(matching, "_situation", _without_others),
    "there is one share": Mutant(matching, "_situation", _first_share),
    "what is tested together need not hold": Mutant(sheets.Together, "holds", lambda *_: True),
    "only the first of what is tested together": Mutant(
        sheets.Together,
        "holds",
        lambda one, lookup: one.literals[0].atom.holds(lookup) == one.literals[0].positive,
    ),
    "one key of a condition is enough": Mutant(Reader, "_condition", _any_of),
    "unless is ignored": Mutant(Reader, "rule", _without_unless),
    "scopes are ignored": Mutant(Reader, "scope", lambda *_: AllOf(())),
    "shadows decide": Mutant(Reader, "rule", lambda *a: _rule(*a)._replace(shadow=False)),
    "what is off decides": Mutant(Reader, "is_off", lambda *_: False),
    "Exceptions have no last day": Mutant(Reader, "exception", _without_until),
    "bands are ignored": Mutant(
        Reader, "header", lambda one: _header(one)._replace(band=Band.NORMAL)
    ),
    "priorities are ignored": Mutant(
        Reader, "header", lambda one: _header(one)._replace(priority=500)
    ),
    "hours have their end": Mutant(schedules, "_within", _until_the_end),
    "hours end at midnight": Mutant(
        schedules, "_within", lambda today, _, minute: _within(today, (), minute)
    ),
    "no day is excepted": Mutant(schedules, "_is_excepted", lambda *_: False),
    "weeks are ignored": Mutant(
        schedules.Weekly, "begins", lambda one, day: day.weekday() in one.weekdays
    ),
    "schedules have no zone": Mutant(
        matchers, "covers", lambda one, at: schedules.covers(one._replace(zone=None), at)
    ),
}
"""Of how conditions are read, compiled and matched."""


# --- What matching rules amount to ---

_fields, _also, _lifted = combine._fields, combine._also, combine._lifted
_first_denial, _also_sets, _told_of = (
    combine._first_denial,
    combine.also_sets,
    combine.Plan._told_of,
)
_template, _rewritten, _clamped = (
    values.Template.value,
    values.Rewritten.value,
    values.Clamped.value,
)
_members, _until, _worked_out = Directory.members_of, expiry.Until.ends, combine._worked_out


def _without_final(real: Callable[..., Any]) -> Callable[..., Any]:
    def mutant(rules: Any, *others: Any) -> Any:
        endless = [one._replace(effects=one.effects._replace(final=False)) for one in rules]
        return real(endless, *others)

    return mutant


def _reversed(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rules, *others: real(rules[::-1], *others)


def _final_denies(rules: Any, *others: Any) -> Any:
    """A final rule ends denials, too."""
    ends = next((n for n, one in enumerate(rules) if one.effects.final), len(rules))
    return _first_denial(rules[: ends + 1], *others)


def _with_presentity(also: Any, rule: str, lookup: Any, members_of: Any) -> Any:
    yield from _also_sets(also, rule, lookup, members_of)
    if also.group is not None and lookup("user") in members_of(lookup("domain"), also.group):
        whose = Aor(str(lookup("user")), str(lookup("domain")))
        yield AlsoSet(whose, combine._asked(also, lookup), rule)


def _without_rewriting(name: str, instead: Any) -> Mutant:
    return Mutant(
        values.Rewritten,
        "value",
        lambda one, lookup: _rewritten(one._replace(**{name: instead}), lookup),
    )


def _stored_if_off(plan: Any, denial: Any, stored: Any) -> Any:
    answer = denial.answer
    return _told_of(
        plan,
        denial._replace(answer=DenialAnswer.STORED if answer is DenialAnswer.OFF else answer),
        stored,
    )


def _assigned_anyway(plan: Any, denial: Any, stored: Any) -> Any:
    return _told_of(plan, denial, stored)[0], plan.assigned


COMBINING_MUTANTS: dict[str, Mutant] = {
    "final is ignored by fields": Mutant(combine, "_fields", _without_final(_fields)),
    "final is ignored by also": Mutant(combine, "_also", _without_final(_also)),
    "final ends denials": Mutant(combine, "_first_denial", _final_denies),
    "the last field counts": Mutant(combine, "_fields", _reversed(_fields)),
    "the last denial counts": Mutant(combine, "_first_denial", _reversed(_first_denial)),
    "nothing is lifted": Mutant(combine, "_lifted", lambda _: {}),
    "the last Exception lifts": Mutant(combine, "_lifted", _reversed(_lifted)),
    "a lifted denial ends all denials": Mutant(
        combine,
        "_first_denial",
        lambda rules, lifted, lookup: _first_denial([] if lifted else rules, lifted, lookup),
    ),
    "nothing expires": Mutant(combine.Plan, "timed", lambda _, decision, at: decision),
    "what is off expires": Mutant(
        combine.Plan,
        "timed",
        lambda plan, decision, at: (
            decision
            if plan.expire is None or decision.denial is not None
            else decision._replace(expires=plan.expire.ends(at))
        ),
    ),
    "until is on the server's clock": Mutant(
        expiry.Until, "ends", lambda one, at: _until(one._replace(zone=None), at)
    ),
    "nothing is logged": Mutant(combine.Plan, "lines", lambda *_: ()),
    "nothing follows": Mutant(combine, "_also", lambda *_: ()),
    "what follows is in reverse": Mutant(combine, "_also", _reversed(_also)),
    "groups have the presentity": Mutant(combine, "also_sets", _with_presentity),
    "groups are empty": Mutant(combine, "islice", lambda *_: iter(())),
    "denials keep their placeholders": Mutant(combine, "line", lambda text, _: text),
    "off is answered as stored": Mutant(combine.Plan, "_told_of", _stored_if_off),
    "a denied get is assigned": Mutant(combine.Plan, "_told_of", _assigned_anyway),
    "a denied get forgets assigned": Mutant(
        combine,
        "_FIELDS_OF_DENIAL",
        {**combine._FIELDS_OF_DENIAL, Operation.GET: ("notify",)},
    ),
    "effects read no facts": Mutant(
        document.Effects, "facts", property(lambda _: frozenset[str]())
    ),
    "defaults are forgotten": Mutant(
        values.Template,
        "value",
        lambda one, lookup: _template(one._replace(default=None), lookup),
    ),
    "texts may be too long": Mutant(values, "MAX_TEXT", 1_000_000),
    "nothing is stripped": _without_rewriting("strip", ""),
    "nothing is put before": _without_rewriting("prefix", ""),
    "numbers stay as they are": _without_rewriting("is_number", False),
    "numbers have no least": Mutant(
        values.Clamped, "value", lambda one, lookup: _clamped(one._replace(minimum=0), lookup)
    ),
    "numbers have no most": Mutant(
        values.Clamped, "value", lambda one, lookup: _clamped(one._replace(maximum=999), lookup)
    ),
    "no value is set": Mutant(combine, "_worked_out", lambda *_: ()),
    "a word is not a status": Mutant(combine, "state_of", lambda _feature, state: state),
}
"""Of how rules combine."""

MUTANTS = {**MATCHER_MUTANTS, **CONDITION_MUTANTS, **COMBINING_MUTANTS}
"""What is wrong → what is put in the place of what."""
