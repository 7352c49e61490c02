"""Random policies have everything that policies can say: else nothing of it is compared."""

import re
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
import yaml

from dfks_rules.model.decisions import NotifyScope
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.families import FAMILIES
from dfks_rules.policy.language.document import (
    AllOf,
    Also,
    AnyOf,
    Band,
    Condition,
    Effects,
    Mode,
    Not,
    Rule,
)
from dfks_rules.policy.language.expiry import After, During, Until
from dfks_rules.policy.language.matchers import MATCHERS, Atom
from dfks_rules.policy.language.values import Clamped, Rewritten, Template
from dfks_rules.policy.reading.source import Source
from dfks_rules.service.rates import RATES
from tests.helpers.random_policies import files
from tests.helpers.random_words import OF_FAMILIES, SITE

SETS = 150
"""Policy sets that are looked through."""

ELEMENTS = frozenset(
    {
        *(f"matcher {name}" for name in MATCHERS),
        *(f"fact {name}" for name in (*FACTS, *OF_FAMILIES)),
        *(f"fact {name}" for name in RATES),
        *(f"effect {name}" for name in Effects._fields),
        *(f"notify {scope.value}" for scope in NotifyScope if scope is not NotifyScope.ALL),
        *(f"also {name}" for name in Also._fields),
        *(f"value {kind.__name__}" for kind in (Template, Rewritten, Clamped)),
        *(f"rewritten {name}" for name in Rewritten._fields if name != "fact"),
        *(f"expire {kind.__name__}" for kind in (After, Until, During)),
        *(f"condition {kind.__name__}" for kind in (AllOf, AnyOf, Not)),
        *(f"band {band.name.lower()}" for band in Band),
        *(f"mode {mode.value}" for mode in (Mode.ENFORCE, Mode.SHADOW)),
        *(f"mode of a rule {mode.value}" for mode in (Mode.SHADOW, Mode.OFF)),
        *(f"kind {kind}" for kind in ("Policy", "Exception", "Vars", "list", "calendar")),
        *(
            f"said {name}"
            for name in ("scope", "unless", "{list", "{var", "{calendar", "weeks", "zone")
        ),
        *(f"exception {name}" for name in ("until", "unless")),
    }
)
"""Everything of the language, from the tables of the code where there are any."""


def parts_of(condition: Condition) -> Iterator[Atom | AllOf | AnyOf | Not]:
    """All parts of a condition."""
    yield condition
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from parts_of(part)
        case Not(part):
            yield from parts_of(part)
        case _:
            pass


def of_rule(rule: Rule) -> Iterator[str]:
    """What a rule says."""
    for part in parts_of(rule.condition):
        if isinstance(part, Atom):
            yield f"matcher {part.matcher}"
            for name in part.facts:
                yield f"fact {name}"
        else:
            yield f"condition {type(part).__name__}"
    if rule.shadow:
        yield "mode of a rule shadow"
    yield from of_effects(rule.effects)


def of_effects(effects: Effects) -> Iterator[str]:
    """What a rule does."""
    for name in said_in(effects):
        yield f"effect {name}"
    if effects.notify is not None:
        yield f"notify {effects.notify.value}"
    if effects.expire is not None:
        yield f"expire {type(effects.expire).__name__}"
    for also in effects.also:
        for name in said_in(also):
            yield f"also {name}"
    for _, value in effects.values:
        yield f"value {type(value).__name__}"
        for name in said_in(value) if isinstance(value, Rewritten) else ():
            yield f"rewritten {name}"


def said_in(record: Effects | Also | Rewritten) -> list[str]:
    """The fields that say something: `assigned: false` does, `final: false` does not."""
    says = {"status": (None,), "assigned": (None,)}
    fields = record._asdict().items()
    return [name for name, value in fields if value not in says.get(name, (None, (), False, ""))]


def of_file(source: Source) -> Iterator[str]:  # noqa: C901 - one look after another
    """What a file says, as it is written."""
    text = source.text.replace('"', "")
    if source.file.endswith(".csv"):
        yield "kind list"
    elif source.file.endswith(".ics"):
        yield "kind calendar"
    else:
        for name in ("scope", "unless"):
            if f"{name}:" in text:
                yield f"said {name}"
        for name in ("list", "var", "calendar"):
            if f"{name}: " in text:
                yield f"said {{{name}"
        if re.search(r"(?:during|outside): local\b", text):
            yield "said zone"
        if " weeks" in text:
            yield "said weeks"
        # These are read as negations.
        for name in ("ne", "notIn", "outside"):
            if f"{name}:" in text:
                yield f"matcher {name}"
        for name in ("until", "unless"):
            if source.file == "e.yaml" and f"\n{name}:" in text:
                yield f"exception {name}"
        document = yaml.safe_load(source.text)
        yield f"kind {document['kind']}"
        yield f"band {document.get('band', 'normal')}"
        yield f"mode {document.get('mode', 'enforce')}"
        for rule in document.get("rules", []):
            if "mode" in rule:
                yield f"mode of a rule {rule['mode']}"


@pytest.fixture(scope="module")
def said() -> Counter[str]:
    """What the policies of so many sets say, and in how many places."""
    found: Counter[str] = Counter()

    for seed in range(SETS):
        sources = files(Random(seed))
        for rule in compile_policies([*sources, *SITE]).rules:
            found.update(of_rule(rule))
        for source in sources:
            found.update(of_file(source))
    return found


@pytest.mark.long
@pytest.mark.parametrize("element", sorted(ELEMENTS))
def test_random_policies_say_it(said: Counter[str], element: str) -> None:
    """What is new in the language has to be put into `tests.helpers.random_policies`."""
    assert said[element] > 0


def test_a_family_of_facts_has_some_in_random_policies() -> None:
    """Their names are not in the table of facts."""
    patterns = {one.written: re.compile(one.pattern) for one in FAMILIES}
    assert [
        written
        for written, pattern in patterns.items()
        if not any(pattern.search(name) for name in OF_FAMILIES)
    ] == []
