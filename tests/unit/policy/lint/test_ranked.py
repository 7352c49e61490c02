"""Rules in the order in which they count, and what each can match and decide."""

from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.lint.ranked import RankedRule, fields_of, fields_set, ranked
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source


def rules(*sources: Source) -> list[RankedRule]:
    """The rules of these files."""
    return ranked(check(sources)[0])


def test_rules_stand_in_the_order_of_precedence() -> None:
    """Band, then priority, then file and position; those that are off do not count."""
    rule = "- {id: r, then: {log: x}}"
    found = rules(
        source(rule, "band: default", "last"),
        source(rule, "priority: 1", "third"),
        source(rule, "priority: 2", "second"),
        source(rule, "band: mandatory\nmode: off", "never"),
        source(rule, "band: mandatory", "first"),
    )
    assert [one.rule.id for one in found] == ["first/r", "second/r", "third/r", "last/r"]


def test_a_way_is_not_about_questions_that_lack_a_fact_it_needs() -> None:
    """Without `op`, a rule about what was asked for is about sets."""
    (rule,) = rules(source("- {id: r, when: {request.status: 1, user: [a, b]}, then: {log: x}}"))
    (way,) = rule.ways
    assert {QUESTIONS[question][0] for question in way.questions} == {Operation.SET}
    assert way.values == {"request.status": {1}, "user": {"a", "b"}}


def test_a_rule_that_no_question_has_the_facts_for_is_left_out() -> None:
    """Each of its alternatives needs a fact that its operation lacks."""
    when = "{any: [{op: get, request.status: 1}, {op: subscribe, stored.status: 1}]}"
    assert rules(source(f"- {{id: r, when: {when}, then: {{log: x}}}}")) == []


def test_fields_are_named_as_decisions_name_them() -> None:
    """Messages say what authors read in `by`."""
    text = "- {id: r, when: {op: set}, then: {values: {forwardTo: x}, notify: false, deny: no}}"
    (rule,) = rules(source(text))
    assert fields_set(rule.rule.effects).keys() == {"forwardTo", "notify", "deny"}


def test_every_question_has_its_fields() -> None:
    """Only one feature has a number of rings."""
    fields = {QUESTIONS[n]: fields_of(n) for n in range(len(QUESTIONS))}
    with_rings = [feature for (_, feature), some in fields.items() if "ringCount" in some]
    assert {feature.value for feature in with_rings if feature} == {"CallForwardingNoAnswer"}
    assert fields[Operation.SUBSCRIBE, None] == {"allow", "deny"}


def test_references_name_rule_file_and_line() -> None:
    """One click away in most terminals."""
    (rule,) = rules(source("- {id: r, then: {log: x}}"))
    assert (rule.name, rule.reference) == ("r", "`p/r` (p.yaml:5)")
