"""Mutants of the proofs' formulas: each swaps, drops or widens something that policies say."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.document import AllOf, AnyOf, Not
from dfks_rules.policy.proof import decided, meaning
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.doubts import Doubts
from dfks_rules.policy.proof.meaning import UNSET, Entry
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.terms import Terms, spread_of
from tests.helpers.engine_mutants import Mutant

_condition, _tested_names = Space.condition, Space._tested_names
_ordered, _tested = Space._ordered, Space._tested
_same, _tested_same = Space.same, Space._tested_same


def _swapped(space: Space, condition: Any) -> Any:
    match condition:
        case AllOf(parts) if len(parts) > 1:
            return _condition(space, AnyOf(parts))
        case _:
            return _condition(space, condition)


def _without_not(space: Space, condition: Any) -> Any:
    return _condition(space, condition.part if isinstance(condition, Not) else condition)


def _first_part(space: Space, condition: Any) -> Any:
    if isinstance(condition, AnyOf) and condition.parts:
        return _condition(space, condition.parts[0])
    return _condition(space, condition)


def _masked(change: Callable[[int, int], int]) -> Mutant:
    """A test of a fact's values that holds for others, too, or not for all."""

    def tested(space: Space, atom: Any) -> Any:
        found = _tested(space, atom)
        if found.variable < 0 or atom.matcher == "exists":
            return found
        mask = change(found.mask, space.formulas.full[found.variable])
        return space.formulas.literal(found.variable, mask)

    return Mutant(Space, "_tested", tested)


def _absent_passes(space: Space, atom: Any) -> Any:
    found = _tested(space, atom)
    if atom.fact not in space.columns or atom.matcher == "exists":
        return found
    return space.formulas.any_of((found, space.equals(atom.fact, None)))


def _other_way(space: Space, atom: Any, other: str) -> Any:
    swapped = {"moreThan": "lessThan", "lessThan": "moreThan"}[atom.matcher]
    return _ordered(space, atom._replace(matcher=swapped), other)


def _first_name(space: Space, atom: Any) -> Any:
    operand = atom.operand[:1] if isinstance(atom.operand, tuple) else atom.operand
    return _tested_names(space, atom._replace(operand=operand))


def _of_present(space: Space, atom: Any) -> Any:
    """An address passes each test if it is there."""
    user = "user" if atom.fact == "presentity" else "watcher.user"
    return space.where(user, lambda value: value is not None)


def _absent_is_same(space: Space, one: str, other: str) -> Any:
    absent = space.formulas.all_of(space.equals(fact, None) for fact in (one, other))
    return space.formulas.any_of((_same(space, one, other), absent))


def _same_user(space: Space, fact: str, other: str) -> Any:
    users = {"presentity": "user", "watcher": "watcher.user"}
    if fact in users:
        return space.same(users[fact], users[other])
    return _tested_same(space, fact, other)


_MUTANTS_OF_TESTS = {
    "all is any": Mutant(Space, "condition", _swapped),
    "not is forgotten": Mutant(Space, "condition", _without_not),
    "any is its first part": Mutant(Space, "condition", _first_part),
    "a test passes for one value more": _masked(lambda mask, full: (mask | mask << 1) & full),
    "a test passes for one value less": _masked(lambda mask, _: mask & (mask - 1)),
    "a test passes for the others": _masked(lambda mask, full: full & ~mask),
    "absent facts pass": Mutant(Space, "_tested", _absent_passes),
    "more is less": Mutant(Space, "_ordered", _other_way),
    "only the first name counts": Mutant(Space, "_tested_names", _first_name),
    "any address passes": Mutant(Space, "_tested_address", _of_present),
    "absent facts are the same": Mutant(Space, "same", _absent_is_same),
    "addresses of one user are the same": Mutant(Space, "_tested_same", _same_user),
}


# --- What rules amount to ---

_field, _denials = meaning._field, meaning._denials
_first_of = meaning.first_of
_bit = Decided.bit
_spread, _computed = Terms._spread, Terms._computed


def _without_final(real: Any) -> Any:
    def mutant(*arguments: Any) -> Any:
        endless = [
            [
                (when, rule._replace(effects=rule.effects._replace(final=False)))
                for when, rule in one
            ]
            if isinstance(one, list)
            else one
            for one in arguments
        ]
        return real(*endless)

    return mutant


def _reversed_chain(chain: Sequence[Entry], formulas: Any) -> Any:
    return _first_of(tuple(chain)[::-1], formulas)


def _without_lifts(matches: Any, formulas: Any) -> Any:
    for when, rule in matches:
        if rule.effects.denial is not None:
            yield Entry(when, rule.effects.denial, rule.id)


def _lifts_anything(matches: Any, formulas: Any) -> Any:
    lifted = {name for _, rule in matches for name in rule.effects.lifts}
    return (one for one in _denials(matches, formulas) if one.rule not in lifted)


def _replaced(owner: Any, name: str, func: Any) -> Mutant:
    found: Any = cached_property(func)
    found.__set_name__(owner, name)
    return Mutant(owner, name, found)


def _without_default(one: Terms, said: Any) -> Any:
    return _spread(one, said._replace(default=None) if hasattr(said, "default") else said)


def _by_status(one: Decided) -> Any:
    """A word that a rule says does not switch."""
    formulas = one.space.formulas
    first = one.field("status")
    parts = [formulas.all_of((when, one.bit(said))) for said, when in first.said.values()]
    nobody = formulas.negation(first.something)
    return formulas.any_of((*parts, formulas.all_of((nobody, one._asked_on))))


def _all_unless_unset(one: Decided, scope: Any) -> Any:
    return one.field("notify").where(lambda said: said is scope and said is not UNSET)


def _stored_base(space: Space, value: Any) -> Any:
    return spread_of(space, f"stored.{value.value}")


def _asked_only(space: Space, value: Any) -> Any:
    name = "request" if space.question[0] is Operation.SET else "stored"
    return spread_of(space, f"{name}.{value.value}")


def _as_stored(one: Decided) -> Any:
    """Whatever a refused get is answered with."""
    formulas = one.space.formulas
    return formulas.any_of(
        (
            formulas.all_of((one.allowed, one.on)),
            formulas.all_of((one.denied, one._stored_on)),
        )
    )


def _one_less(one: Terms, said: Any, fact: str) -> Any:
    found = _computed(one, said, fact)
    return {value - 1 if isinstance(value, int) else value: when for value, when in found.items()}


_MUTANTS_OF_RULES = {
    "final is ignored by fields": Mutant(meaning, "_field", _without_final(_field)),
    "nothing is lifted": Mutant(meaning, "_denials", _without_lifts),
    "Exceptions always lift": Mutant(meaning, "_denials", _lifts_anything),
    "the last entry counts": Mutant(decided, "first_of", _reversed_chain),
    "anybody may subscribe": Mutant(meaning, "_built_in", lambda *_: iter(())),
    "stored is as asked": Mutant(
        Decided, "bit", lambda one, said: _bit(one, "request" if said == "stored" else said)
    ),
    "nobody is told by default": Mutant(Decided, "notified", _all_unless_unset),
    "a word is not a status": _replaced(Decided, "on", _by_status),
    "an excuse is kept": _replaced(Decided, "excused", lambda one: one.space.formulas.true),
    "defaults are forgotten": Mutant(Terms, "_spread", _without_default),
    "what is asked for does not count": Mutant(decided, "base_of", _stored_base),
    "what is stored does not count": Mutant(decided, "base_of", _asked_only),
    "nothing follows": Mutant(meaning, "_also", lambda *_: iter(())),
    "final is ignored by what follows": Mutant(meaning, "_also", _without_final(meaning._also)),
    "off is answered as it is stored": _replaced(Decided, "told_on", _as_stored),
    "answers are forgotten": Mutant(Decided, "answered", lambda one, *_: one.space.formulas.false),
    "numbers are one less": Mutant(Terms, "_computed", _one_less),
}

MUTANTS: dict[str, Mutant] = {**_MUTANTS_OF_TESTS, **_MUTANTS_OF_RULES}
"""What is wrong → what is put in the place of what."""


# --- What follows from a request that looks like a difference and is none ---

MUTANTS_OF_DOUBTS = {
    "a doubted request stands for others": Mutant(Space, "is_alone", lambda *_: True),
    "doubts are forgotten": Mutant(Doubts, "demand_settled", lambda *_: None),
}
"""The same; they are told by proofs that are none."""
