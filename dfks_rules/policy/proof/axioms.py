"""What is so of every request, whatever policies say: which facts go together.

INVARIANT: each axiom holds for every request that a server can get. One that is missing costs at
most a proof; one that is wrong would prove what is not so.
"""

from collections.abc import Iterator

from dfks_rules.model.features import SPELLINGS, Spelling
from dfks_rules.model.identity import AuthMethod
from dfks_rules.model.requests import EXPIRED, Origin
from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET
from dfks_rules.policy.facts.there import origins_with
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.known_facts import TARGET, stored_name
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.space import Space

_ALWAYS_OF_TARGET = ("target.kind", "target.class", "target.self", "target.loop")
"""Facts that every target has."""
_FORWARDS = ("request.forwardTo", "stored.forwardTo")
"""Facts that name a target."""
_NOWHERE = {"target.reach", "target.number", NUMBERS_OF_TARGET, "target.country"}
"""Facts that a target has not, if it is invalid or an address in another domain."""
_WATCHER = ("watcher.user", "watcher.domain", "auth.method")
"""Facts that every phone's request has."""


def add_needed(needs: Needs) -> None:
    """Adds facts with which those that are there go together."""
    facts = needs.facts.keys()
    if any(origins_with(fact) != frozenset(Origin) for fact in facts):
        needs.fact("origin")
    if "param" in facts:
        needs.equal("param", str(EXPIRED.param))
    if any(fact.startswith("target.") for fact in facts):
        for name in _FORWARDS:
            needs.equal(name, "")
    if NUMBERS_OF_TARGET in facts:
        needs.link("target.number", NUMBERS_OF_TARGET)
    _add_words(needs)


def _add_words(needs: Needs) -> None:
    facts = needs.facts.keys()
    for feature, spelling in SPELLINGS.items():
        names = ("status", spelling.value.value, spelling.excuse.value)
        together = [[f"{feature.value}.{name}" for name in names]]
        if feature is needs.question[1]:
            together = [[f"{of}.{name}" for name in names] for of in ("request", "stored")]
        for state in together:
            if feature is needs.question[1] or facts & set(state):
                for name in state:
                    needs.fact(name)


def axioms(space: Space) -> Formula:
    """What is so of every request of a space."""
    return space.formulas.all_of(
        (
            *_of_origin(space),
            *_of_login(space),
            *_of_words(space, space.question),
            *_of_target(space),
        )
    )


def _implies(space: Space, one: Formula, other: Formula) -> Formula:
    return space.formulas.any_of((space.formulas.negation(one), other))


def _of_origin(space: Space) -> Iterator[Formula]:
    """Who asks decides which facts there are."""
    if "origin" not in space.columns:
        return
    for fact in (*space.columns, *space.names):
        origins = origins_with(fact)
        if origins != frozenset(Origin):
            there = space.equals("origin", *(one.value for one in origins))
            yield _implies(space, space.present(fact), there)
    if "param" in space.columns:
        internal = space.equals("origin", Origin.INTERNAL.value)
        yield _implies(space, internal, space.equals("param", None, EXPIRED.param))
    phone = space.equals("origin", Origin.WATCHER.value)
    for fact in _WATCHER:
        if fact in space.columns:
            yield space.formulas.alike(space.present(fact), phone)


def _of_login(space: Space) -> Iterator[Formula]:
    """Who proved a name has one."""
    if "auth.user" in space.columns and "auth.method" in space.columns:
        proved = space.equals("auth.method", AuthMethod.DIGEST.value, AuthMethod.TRUSTED.value)
        yield space.formulas.alike(space.present("auth.user"), proved)


def _of_words(space: Space, question: Question) -> Iterator[Formula]:
    """Status and word of a state always agree."""
    for feature, spelling in SPELLINGS.items():
        if feature is question[1]:
            yield from _of_request(space, spelling)
        of_state = stored_name(f"{feature.value}.status", question).partition(".")[0]
        yield from _of_stored(space, of_state, spelling)


def _of_request(space: Space, spelling: Spelling) -> Iterator[Formula]:
    word, status = f"request.{spelling.value.value}", "request.status"
    if word in space.columns and status in space.columns:
        said, on = space.present(word), space.equals(word, spelling.on)
        yield _implies(space, said, space.formulas.alike(on, space.equals(status, 1)))


def _of_stored(space: Space, prefix: str, spelling: Spelling) -> Iterator[Formula]:
    word, status = f"{prefix}.{spelling.value.value}", f"{prefix}.status"
    if word not in space.columns:
        return
    if status in space.columns:
        on = space.equals(word, spelling.on)
        yield space.formulas.alike(on, space.equals(status, 1))
    excuse = f"{prefix}.{spelling.excuse.value}"
    if excuse in space.columns:
        yield _implies(space, space.present(excuse), space.equals(word, spelling.off))


def _of_target(space: Space) -> Iterator[Formula]:
    """What the analysis of targets guarantees, whatever the number plan says."""
    facts = [fact for fact in (*space.columns, *space.names) if fact.startswith("target.")]
    if not facts:
        return
    formulas = space.formulas
    target = formulas.any_of(
        formulas.negation(space.equals(name, None, ""))
        for name in _FORWARDS
        if name in space.columns
    )
    for fact in facts:
        there = space.present(fact)
        exactly = fact in _ALWAYS_OF_TARGET
        yield formulas.alike(there, target) if exactly else _implies(space, there, target)
    if {"target.user", "target.domain"} <= set(facts):
        yield formulas.alike(space.present("target.user"), space.present("target.domain"))
    if NUMBERS_OF_TARGET in space.names:
        yield from _of_numbers(space)
    if "target.kind" in facts:
        yield from _of_kind(space, facts)


def _of_numbers(space: Space) -> Iterator[Formula]:
    """A target that is a number can be read as this number."""
    yield space.formulas.alike(space.present("target.number"), space.present(NUMBERS_OF_TARGET))
    for number in space.names[NUMBERS_OF_TARGET]:
        read = space.test(Atom(NUMBERS_OF_TARGET, "eq", number))
        yield _implies(space, space.equals("target.number", number), read)


def _of_kind(space: Space, facts: list[str]) -> Iterator[Formula]:
    formulas = space.formulas
    nowhere = space.equals("target.kind", "invalid", "foreign")
    named = space.equals("target.kind", "foreign", "internal")
    for fact in facts:
        if fact in _NOWHERE:
            yield _implies(space, nowhere, formulas.negation(space.present(fact)))
        elif fact == "target.class":
            yield _implies(space, nowhere, space.equals(fact, "unknown"))
        elif fact == "target.self":
            yield _implies(space, nowhere, space.equals(fact, 0))
        elif fact not in TARGET:
            ours = space.equals("target.kind", "internal")
            yield _implies(space, space.present(fact), ours)
        elif fact in ("target.user", "target.domain"):
            there = space.present(fact)
            yield _implies(space, named, there)
            nobody = space.equals("target.kind", "invalid", "external")
            yield _implies(space, nobody, formulas.negation(there))
