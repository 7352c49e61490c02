"""What policies decide, as formulas: the twin of `combine.Plan.decide`."""

from collections.abc import Hashable, Sequence
from functools import cached_property, partial

from dfks_rules.model.decisions import Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import ROWS, Row, Spelling
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import Value
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.meaning import UNSET, First, Meaning, first_of, meaning_of
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.terms import Spread, Terms, base_of, over, spread_of

_NOT_TOLD = (DenialAnswer.UNASSIGNED, DenialAnswer.REJECT)


class Decided:
    """What some rules decide for all requests of a space."""

    def __init__(self, rules: Sequence[Rule], space: Space) -> None:
        self.space = space
        self.meaning: Meaning = meaning_of(rules, space)
        self.terms: dict[Value, Terms] = {}
        """What each value may be; filled as it is asked for."""

    @cached_property
    def denied(self) -> Formula:
        """When the request is refused."""
        return self.space.formulas.any_of(entry.when for entry in self.meaning.denials)

    @cached_property
    def denial(self) -> First:
        """By which denial it is refused."""
        return first_of(self.meaning.denials, self.space.formulas)

    @cached_property
    def allowed(self) -> Formula:
        """When the request is not refused."""
        return self.space.formulas.negation(self.denied)

    def answered(self, *answers: DenialAnswer) -> Formula:
        """When the request is refused, and the refusal is answered in one of these ways."""
        return self.denial.where(lambda said: isinstance(said, Denial) and said.answer in answers)

    def field(self, name: str) -> First:
        """Who sets a field, if the request is not refused."""
        return first_of(self.meaning.fields.get(name, ()), self.space.formulas)

    # --- The state, if the request is not refused ---

    def bit(self, said: Hashable) -> Formula:
        """When the status that a rule says is on."""
        if said in (0, 1):
            return self.space.formulas.truth(of=said == 1)
        return self._stored_on if said == "stored" else self._asked_on

    @cached_property
    def on(self) -> Formula:
        """When the status is on, if the request is not refused."""
        formulas, spelling = self.space.formulas, self._row.spelling
        first = self.field("status")
        parts = [formulas.all_of((when, self.bit(said))) for said, when in first.said.values()]
        nobody = formulas.negation(first.something)
        status = formulas.any_of((*parts, formulas.all_of((nobody, self._asked_on))))
        if spelling is None:
            return status
        word = self._written(spelling)
        unsaid = word.pop(None, formulas.false)
        by_word = (when for one, when in word.items() if spelling.status_of(one))
        return formulas.any_of((*by_word, formulas.all_of((unsaid, status))))

    def value_terms(self, value: Value) -> Terms:
        """What a value may be, if the request is not refused."""
        if value not in self.terms:
            spelling = self._row.spelling
            excuse = spelling is not None and value is spelling.excuse
            base = self._base_of_excuse if excuse else partial(base_of, self.space, value)
            self.terms[value] = Terms(self.space, base)
        return self.terms[value]

    @cached_property
    def word(self) -> Spread:
        """The word that spells out the status, if the request is not refused."""
        spelling = self._spelling
        formulas, space = self.space.formulas, self.space
        said = over(space, self._written(spelling), base_of(space, spelling.value))
        said_on = formulas.any_of(when for one, when in said.items() if spelling.status_of(one))
        agrees = formulas.alike(said_on, self.on)
        as_stored = formulas.alike(self._stored_on, self.on)
        found: dict[FactValue, list[Formula]] = {}
        for one, when in said.items():
            found.setdefault(one, []).append(formulas.all_of((agrees, when)))
        differs = formulas.negation(agrees)
        for one, when in spread_of(space, f"stored.{spelling.value.value}").items():
            found.setdefault(one, []).append(formulas.all_of((differs, as_stored, when)))
        other = formulas.all_of((differs, formulas.negation(as_stored)))
        found.setdefault(spelling.on, []).append(formulas.all_of((other, self.on)))
        off = formulas.all_of((other, formulas.negation(self.on)))
        found.setdefault(spelling.off, []).append(off)
        return {one: formulas.any_of(whens) for one, whens in found.items()}

    @cached_property
    def excused(self) -> Formula:
        """When the state has room for an excuse, if the request is not refused."""
        return self.word.get(self._spelling.off, self.space.formulas.false)

    # --- What is told ---

    @cached_property
    def assigned(self) -> Formula:
        """When the feature is told of."""
        formulas = self.space.formulas
        usual = formulas.truth(of=self._row.assigned)
        first = self.field("assigned")
        unset = formulas.negation(first.where(lambda said: said is not UNSET))
        said = formulas.any_of(
            (first.where(lambda said: said is True), formulas.all_of((unset, usual)))
        )
        if self.space.question[0] is Operation.GET:
            return formulas.all_of((said, formulas.negation(self.answered(*_NOT_TOLD))))
        return formulas.any_of(
            (formulas.all_of((self.allowed, said)), formulas.all_of((self.denied, usual)))
        )

    def notified(self, scope: NotifyScope) -> Formula:
        """When these are told."""
        first = self.field("notify")
        said = first.where(lambda one: one is scope)
        if scope is not NotifyScope.ALL:
            return said
        unset = self.space.formulas.negation(first.where(lambda one: one is not UNSET))
        return self.space.formulas.any_of((said, unset))

    @cached_property
    def told_on(self) -> Formula:
        """When the status is on, whether the request is refused or not."""
        formulas = self.space.formulas
        kept = formulas.all_of((self.denied, self._stored_on))
        if self.space.question[0] is Operation.GET:
            kept = formulas.all_of((kept, formulas.negation(self.answered(DenialAnswer.OFF))))
        return formulas.any_of((formulas.all_of((self.allowed, self.on)), kept))

    # --- Where it comes from ---

    @cached_property
    def _row(self) -> Row:
        feature = self.space.question[1]
        return ROWS[feature] if feature else Row()

    @cached_property
    def _spelling(self) -> Spelling:
        spelling = self._row.spelling
        assert spelling is not None, "only where a word spells out the status"  # noqa: S101
        return spelling

    @cached_property
    def _stored_on(self) -> Formula:
        return self.space.equals("stored.status", 1)

    @cached_property
    def _asked_on(self) -> Formula:
        if self.space.question[0] is not Operation.SET:
            return self._stored_on
        return self.space.equals("request.status", 1)

    def _written(self, spelling: Spelling) -> Spread:
        """The word that a rule sets; None where none does."""
        formulas = self.space.formulas
        first = self.field(spelling.value.value)
        found: Spread = {
            said: when  # type: ignore[misc] # words
            for said, when in first.said.values()
            if said is not UNSET
        }
        found[None] = formulas.none_of(found.values())
        return found

    def _base_of_excuse(self) -> Spread:
        """A set with a new word needs a new excuse."""
        spelling, space = self._spelling, self.space
        stored = spread_of(space, f"stored.{spelling.excuse.value}")
        if space.question[0] is not Operation.SET:
            return stored
        silent = space.equals(f"request.{spelling.value.value}", None)
        kept = {one: space.formulas.all_of((silent, when)) for one, when in stored.items()}
        dropped = space.formulas.negation(silent)
        kept[None] = space.formulas.any_of((kept.get(None, space.formulas.false), dropped))
        return over(space, spread_of(space, f"request.{spelling.excuse.value}"), kept)
