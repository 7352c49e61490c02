"""What rules leave to the built-in behaviour: a table of all questions and what rules decide."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.model.features import ROWS
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.lint.ranked import RankedRule, fields_of, fields_set, ranked
from dfks_rules.policy.reading.check import CheckedPolicy

_BUILT_IN = {
    "get": phrase("the stored state is sent"),
    "set": phrase("the requested state is stored"),
    "subscribe": phrase("only the presentity's own phones are allowed"),
}
"""Operation → what happens where no rule says otherwise."""
_FIRST = {"get": "status", "set": "status", "subscribe": "allow"}
"""Operation → the field its answer is about."""
_UNASSIGNED = {one.value for one, row in ROWS.items() if not row.assigned}
"""Features of which no phone is told unless a rule says `assigned: true`."""


class Gap(NamedTuple):
    """What rules leave open in one question."""

    op: str
    """`get`, `set` or `subscribe`."""
    feature: str | None
    """None for permission to subscribe."""
    rules: int
    """Number of rules that can match in every domain."""
    domain_rules: int
    """Number of further rules that can match in domains they name."""
    denials: int
    """Number of denials among all these."""
    decided: tuple[str, ...]
    """Fields that some rule decides for every request in every domain."""
    sometimes: tuple[str, ...]
    """Fields that rules decide for some requests only."""

    @property
    def otherwise(self) -> str:
        """What happens where no rule decides, in words."""
        field, built_in = _FIRST[self.op], _BUILT_IN[self.op]
        if self.op == "get" and self.feature in _UNASSIGNED:
            field, built_in = "assigned", phrase("phones are not told")
        if field in self.decided:
            return phrase("always decided by a rule")
        when = (
            phrase("where no rule matches")
            if field in self.sometimes or self.denials
            else phrase("no rule")
        )
        return phrase("{when}: {built_in}", when=when, built_in=built_in)


def gaps(policies: Sequence[CheckedPolicy]) -> list[Gap]:
    """One row for each question, in the order of `QUESTIONS`."""
    rules = ranked(policies)
    return [_gap(question, rules) for question in range(len(QUESTIONS))]


def _gap(question: int, rules: Sequence[RankedRule]) -> Gap:
    operation, feature = QUESTIONS[question]
    about = [rule for rule in rules if any(question in way.questions for way in rule.ways)]
    general = [rule for rule in about if _is_general(rule, question)]
    touched = {field for rule in about for field in _fields(rule, question)}
    decided = {
        field for rule in about if _always(rule, question) for field in _fields(rule, question)
    }
    return Gap(
        operation.value,
        feature.value if feature else None,
        len(general),
        len(about) - len(general),
        sum(rule.rule.effects.denial is not None for rule in about),
        tuple(sorted(decided)),
        tuple(sorted(touched - decided)),
    )


def _fields(rule: RankedRule, question: int) -> Iterator[str]:
    yield from fields_of(question) & fields_set(rule.rule.effects).keys() - {"deny"}


def _is_general(rule: RankedRule, question: int) -> bool:
    return any(way.domains is None and question in way.questions for way in rule.ways)


def _always(rule: RankedRule, question: int) -> bool:
    """Whether it matches every request of the question."""
    return any(
        question in way.questions and way.domains is None and not way.literals for way in rule.ways
    )
