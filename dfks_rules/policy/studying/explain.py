"""Why the policies decide as they do: which rules matched, what each decided, why others did not.

Nothing is recorded while requests are served: an explanation is derived from the facts of a request
when somebody asks for it.
"""

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from dfks_rules.model.decisions import AlsoSet, Decision
from dfks_rules.model.requests import FeatureRequest
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.deciding.answer import answer_of, value_of
from dfks_rules.policy.deciding.combine import make_plan
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.fact import FactLookup, drop_sole_number
from dfks_rules.policy.facts.facts import FACTS, facts_of
from dfks_rules.policy.facts.families import facts_of_people
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.language.alternatives import QUESTIONS, SignedAtom, alternatives
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not, Rule
from dfks_rules.policy.language.text import literal_text, printable, saw_text, value_text

Lost = Literal["lifted", "shadow", "later", "denied", "final", "names-no-denial"]
"""Why a rule did not decide what it says: another one lifts it; it is in shadow; another one comes
first, denies, or is final; or no rule denies that it names."""


class Said(NamedTuple):
    """One field that a matching rule sets, and whether that took effect."""

    field: str
    """As `Decision.decided_by` names it."""
    value: object
    """What was decided for the field; None when no rule decided it."""
    lost: str | None
    """Why the rule did not decide the field, for people; None when it did."""
    why: Lost | None = None
    """The same for programs."""
    by: str | None = None
    """The rule that `why` is about; None: none is."""


class Matched(NamedTuple):
    """A rule that matched."""

    rule: str
    """Its id, `policy/rule`."""
    said: tuple[Said, ...]
    """The fields it sets."""
    title: str
    """The rule for people: an Exception is called one."""
    follow: int
    """How many sets follow from it."""


class Reason(NamedTuple):
    """A test that is false for the request."""

    test: SignedAtom
    """The test, or its negation."""
    saw: dict[str, FactValue]
    """The facts it reads → their values."""

    def __str__(self) -> str:
        fact = self.test.atom.fact
        test, saw = literal_text(self.test), saw_text(self.saw, fact)
        return phrase("{test}; saw {saw}", test=test, saw=saw)


class Unmatched(NamedTuple):
    """A rule that did not match."""

    rule: str
    """Its id, `policy/rule`."""
    because: tuple[Reason, ...]
    """Tests that are all false; had one been true, more of the rule's condition would have held."""
    elsewhere: bool
    """Whether it is about another operation, feature or domain, so that its tests do not matter."""
    title: str
    """The rule for people: an Exception is called one."""


class Explanation(NamedTuple):
    """Why one request got its answer."""

    request: FeatureRequest
    """What was asked."""
    decision: Decision
    """The answer."""
    matched: tuple[Matched, ...]
    """In order of precedence."""
    unmatched: tuple[Unmatched, ...]
    """In order of precedence."""
    about: dict[str, FactValue]
    """The facts `request.…` and `target.…`: what is asked for, and what the forward target is."""


def explain(policies: PolicySet, view: View) -> Explanation:
    """Why `policies` answer a request as they do, or did before they were closed."""
    view = policies.sees(view)
    decision = policies.decide_by_reference(view)
    rules = {rule.id: rule for rule in policies.rules}
    matching = [rules[name] for name in decision.matched if name in rules]
    lookup = facts_of(view)
    return Explanation(
        view.request,
        decision,
        tuple(
            Matched(
                rule.id,
                _said(rule, matching, view, decision),
                rule.title,
                sum(one.rule == rule.id for one in decision.also),
            )
            for rule in matching
        ),
        tuple(
            Unmatched(
                rule.id,
                tuple(_reason(test, lookup) for test in failing(rule.condition, lookup)),
                not _can_match(rule, view),
                rule.title,
            )
            for rule in policies.rules
            if rule.id not in decision.matched
        ),
        _about(view),
    )


def _about(view: View) -> dict[str, FactValue]:
    facts = {name: fact.read(view) for name, fact in FACTS.items()} | facts_of_people(view)
    values = {name: one for name, one in facts.items() if name.startswith(("request.", "target."))}
    drop_sole_number(values)
    return {name: value for name, value in values.items() if value is not None}


def failing(
    condition: Condition, lookup: FactLookup, *, positive: bool = True
) -> Iterator[SignedAtom]:
    """The tests to blame for a condition (or its negation) that is false.

    If all of several conditions must be true, the first false one is to blame; if one must be true,
    all are. None when the condition is true.
    """
    match condition:
        case Not(part):
            yield from failing(part, lookup, positive=not positive)
        case AllOf(parts) | AnyOf(parts):
            found = [list(failing(part, lookup, positive=positive)) for part in parts]
            if isinstance(condition, AllOf) == positive:
                yield from next((tests for tests in found if tests), [])
            elif all(found):
                yield from dict.fromkeys(test for tests in found for test in tests)
        case _:
            if condition.holds(lookup) != positive:
                yield SignedAtom(condition, positive)


def _reason(test: SignedAtom, lookup: FactLookup) -> Reason:
    return Reason(test, {name: lookup(name) for name in test.atom.facts})


def _can_match(rule: Rule, view: View) -> bool:
    """Whether the rule is about this operation, feature and domain at all."""
    request = view.request
    question = QUESTIONS.index((request.operation, request.feature))
    return any(
        question in way.questions
        and (way.domains is None or request.presentity.domain in way.domains)
        for way in alternatives(rule.condition)
    )


def _said(rule: Rule, matching: list[Rule], view: View, decision: Decision) -> tuple[Said, ...]:
    """What one rule sets, found with a plan of this rule alone, and whether it took effect."""
    request = view.request
    lone, is_lifted = rule._replace(shadow=False), rule.id in dict(decision.lifted)
    if is_lifted:
        # All that a denial would rule out counts.
        lone = lone._replace(effects=rule.effects._replace(denial=None))
    alone = make_plan(
        [lone],
        request.operation,
        request.feature,
        decision.revision,
        facts_of(view),
    ).decided_by
    answer = answer_of(decision)
    said = [Said("lifts", denying, None) for denying, by in decision.lifted if by == rule.id]
    if rule.effects.lifts and not said:
        said.append(Said("lifts", None, *_lost("names-no-denial", None)))
    for field in ("deny", *alone) if is_lifted else alone:
        by = decision.decided_by.get(field)
        value = None if by is None else value_of(answer, field)
        lost = () if by == rule.id else _lost(*_why_lost(rule, field, matching, decision))
        said.append(Said(field, value, *(lost or (None,))))
    return tuple(said)


def _lost(why: Lost, by: str | None) -> tuple[str, Lost, str | None]:
    """Why something is lost, for people and for programs."""
    match why:
        case "lifted":
            told = phrase("{rule} lifts it", rule=by)
        case "shadow":
            told = phrase("it is in shadow")
        case "later":
            told = phrase("{rule} comes first", rule=by)
        case "denied":
            told = phrase("{rule} denies", rule=by)
        case "final":
            told = phrase("{rule} is final", rule=by)
        case "names-no-denial":
            told = phrase("no rule denies that it names")
    return told, why, by


def _why_lost(
    rule: Rule, field: str, matching: list[Rule], decision: Decision
) -> tuple[Lost, str | None]:
    by = decision.decided_by.get(field)
    lifted = dict(decision.lifted)
    if field == "deny" and rule.id in lifted:
        return "lifted", lifted[rule.id]
    if rule.shadow:
        return "shadow", None
    if by is not None:
        return "later", by
    if "deny" in decision.decided_by:
        return "denied", decision.decided_by["deny"]
    final = next(one.id for one in matching if one.effects.final and not one.shadow)
    return "final", final


# --- for people and programs ---


def decision_line(request: FeatureRequest, decision: Decision) -> str:
    """What was asked and the answer, on one line."""
    feature = f" {request.feature.value}" if request.feature else ""
    asked = phrase(
        "{asked} of {uri}",
        asked=f"{request.operation.value}{feature}",
        uri=printable(request.presentity.uri),
    )
    if decision.denial is not None:
        text = f" ({decision.denial.text})" if decision.denial.text else ""
        reason = f"{decision.denial.reason}{text}"
        return phrase("{asked}: denied, {reason}", asked=asked, reason=reason)
    if request.feature is None:
        return phrase("{asked}: allowed", asked=asked)
    answer = answer_of(decision)
    shown = {"status": answer["status"], **answer["values"]}
    shown |= {"assigned": answer["assigned"], "notify": answer["notify"]}
    shown |= {"expires": answer["expires"]}
    told = ", ".join(f"{name} {value_text(v)}" for name, v in shown.items() if v is not None)
    return phrase("{asked}: allowed, {told}", asked=asked, told=told)


def brief(explanation: Explanation, wanted: Collection[str] = ()) -> list[str]:
    """A few lines: which rules matched, which decided what, and which denials were lifted.

    Args:
        explanation: what to tell.
        wanted: rules of which it is told why they did not match.
    """
    decision = explanation.decision
    missed = [
        phrase(
            "{rule} did not match: {because}",
            rule=one.title,
            because=joined(phrase("; or "), map(str, one.because)),
        )
        for one in explanation.unmatched
        if one.rule in wanted
    ]
    if not decision.matched:
        return [phrase("no rule matched"), *missed]
    lines: list[str] = [phrase("matched: {rules}", rules=", ".join(decision.matched)), *missed]
    if decision.decided_by:
        by = (
            phrase("{field} by {rule}", field=field, rule=rule)
            for field, rule in decision.decided_by.items()
        )
        lines.append(phrase("decided: {by}", by=joined(", ", by)))
    lines += [
        phrase("lifted: {rule} by {exception}", rule=rule, exception=exception)
        for rule, exception in decision.lifted
    ]
    return lines


def lines_of(explanation: Explanation, *, every: bool = False) -> list[str]:
    """The explanation for people.

    Args:
        explanation: what to tell.
        every: also why rules about other operations, features and domains did not match.
    """
    lines = [decision_line(explanation.request, explanation.decision)]
    for subject, title in (("request", phrase("asked for")), ("target", phrase("target"))):
        told = [
            f"{name.partition('.')[2]} {value_text(value)}"
            for name, value in explanation.about.items()
            if name.startswith(subject)
        ]
        lines += [phrase("{title}: {told}", title=title, told=", ".join(told))] if told else []
    lines += [phrase("also: {what}", what=_also_line(one)) for one in explanation.decision.also]
    title = phrase("matched, in order of precedence:")
    lines += _block(title, map(_matched_lines, explanation.matched))
    shown = [one for one in explanation.unmatched if every or not one.elsewhere]
    lines += _block(phrase("did not match:"), map(_unmatched_lines, shown))
    hidden = len(explanation.unmatched) - len(shown)
    if hidden == 1:
        lines.append(phrase("1 rule is about other operations, features or domains"))
    elif hidden:
        message = phrase(
            "{count} rules are about other operations, features or domains", count=hidden
        )
        lines.append(message)
    return lines


def _also_line(also: AlsoSet) -> str:
    """A set that follows: `sets DoNotDisturb of sip:secretary@acme.example, status 1`."""
    feature, state = also.asked.feature, also.asked.state
    told = "".join(f", {name} {value_text(v)}" for name, v in state.by_name.items())
    who = printable(also.presentity.uri)
    return phrase(
        "sets {feature} of {who}, status {status}",
        feature=feature.value,
        who=who,
        status=f"{int(state.status)}{told}",
    )


def _indented(line: str) -> str:
    return phrase("  {line}", line=line)


def _block(title: str, entries: Iterator[list[str]]) -> list[str]:
    lines = [_indented(line) for entry in entries for line in entry]
    return [title, *lines] if lines else []


def _matched_lines(matched: Matched) -> list[str]:
    lines: list[str] = [
        phrase("{field}: {what}", field=said.field, what=_what(said)) for said in matched.said
    ]
    if matched.follow == 1:
        lines.append(phrase("also: 1 set follows"))
    elif matched.follow:
        lines.append(phrase("also: {count} sets follow", count=matched.follow))
    return [matched.title, *map(_indented, lines or [phrase("sets nothing here")])]


def _what(said: Said) -> str:
    if said.field == "lifts":
        if said.lost:
            return phrase("nothing, {why}", why=said.lost)
        return phrase("the denial of {rule}", rule=said.value)
    if said.lost:
        return phrase("not used, {why}", why=said.lost)
    return phrase("decided, {value}", value=value_text(said.value))


def _unmatched_lines(unmatched: Unmatched) -> list[str]:
    return [unmatched.title, *(_indented(str(reason)) for reason in unmatched.because)]


def explanation_json(explanation: Explanation) -> dict[str, object]:
    """The explanation as a JSON object."""
    return {
        "decision": answer_of(explanation.decision),
        "revision": explanation.decision.revision,
        "about": explanation.about,
        "matched": [
            {"rule": one.rule, "said": [said._asdict() for said in one.said]}
            for one in explanation.matched
        ],
        "unmatched": [
            {
                "rule": one.rule,
                "elsewhere": one.elsewhere,
                "because": [
                    {"test": literal_text(reason.test), "saw": reason.saw} for reason in one.because
                ],
            }
            for one in explanation.unmatched
        ],
    }
