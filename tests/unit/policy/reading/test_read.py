"""From a tree to the syntax tree."""

import pytest

from dfks_rules.model.decisions import Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import Feature
from dfks_rules.policy.language.document import (
    AllOf,
    Also,
    AnyOf,
    Band,
    Condition,
    Effects,
    Mode,
    Not,
    Policy,
    Rule,
)
from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.language.schedules import parse_schedule
from dfks_rules.policy.language.values import Clamped, Template
from dfks_rules.policy.reading.read import Reader
from dfks_rules.policy.reading.source import parse
from tests.helpers.policy import source
from tests.helpers.states import values

P = Policy("p", Mode.ENFORCE, Band.NORMAL, 500, ())


def reader(rules: str, head: str = "") -> Reader:
    """A reader of a file that the schema allows."""
    tree, broken = parse(source(rules, head))
    assert tree is not None, broken
    return Reader(tree)


def rule(when: str = "{op: get}", then: str = "{status: 1}") -> Rule:
    """A rule without anything around it."""
    return reader(f"- id: r\n  when: {when}\n  then: {then}\n").rule(P, AllOf(()), 0)


GET = Atom("op", "eq", "get")


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ("{op: get}", GET),
        ("{op: {eq: get}}", GET),
        ("{op: {ne: get}}", Not(GET)),
        ("{user: [a, b]}", Atom("user", "in", frozenset("ab"))),
        ("{user: {in: [b, a]}}", Atom("user", "in", frozenset("ab"))),
        ("{user: {notIn: [a]}}", Not(Atom("user", "in", frozenset("a")))),
        ("{user: {exists: true}}", Atom("user", "exists", None)),
        ("{user: {exists: false}}", Not(Atom("user", "exists", None))),
        ("{user: {prefix: a}}", Atom("user", "prefix", ("a",))),
        ("{user: {sameAs: watcher.user}}", Atom("user", "sameAs", "watcher.user")),
        ("{op: get, user: a}", AllOf((GET, Atom("user", "eq", "a")))),
        (
            "{user: {prefix: a, ne: ab}}",
            AllOf((Atom("user", "prefix", ("a",)), Not(Atom("user", "eq", "ab")))),
        ),
        ("{any: [{op: get}, {not: {op: get}}]}", AnyOf((GET, Not(GET)))),
        ("{all: [{op: get}]}", AllOf((GET,))),
    ],
)
def test_conditions_are_read_as_written(when: str, condition: Condition) -> None:
    """Short forms and negations become the same few nodes."""
    assert rule(when).condition == AllOf((AllOf(()), condition))


def test_scope_when_and_unless_make_one_condition() -> None:
    """A rule carries all that it depends on."""
    text = "- id: r\n  when: {op: get}\n  unless: {user: a}\n  then: {status: 1}\n"
    one = reader(text, "scope: {domain: a.example}")
    scope = one.scope()
    assert scope == Atom("domain", "eq", "a.example")
    read = one.rule(P, scope, 0)
    assert read.id == "p/r"
    assert read.condition == AllOf((scope, GET, Not(Atom("user", "eq", "a"))))


@pytest.mark.parametrize(
    ("then", "effects"),
    [
        ("{status: 0}", Effects(status=0)),
        ("{status: stored, final: true}", Effects(status="stored", final=True)),
        ("{assigned: false}", Effects(assigned=False)),
        ("{notify: true}", Effects(notify=NotifyScope.ALL)),
        ("{notify: false}", Effects(notify=NotifyScope.NONE)),
        ("{notify: requester}", Effects(notify=NotifyScope.REQUESTER)),
        ("{notify: others}", Effects(notify=NotifyScope.OTHERS)),
        ("{values: {forwardTo: x, ringCount: 3}}", Effects(values=values("x", 3))),
        (
            '{values: {forwardTo: {template: "vm-${user}", default: x}}}',
            Effects(values=values(Template("vm-${user}", "x"))),
        ),
        (
            "{values: {forwardTo: {from: stored.forwardTo}}}",
            Effects(values=values(Template("${stored.forwardTo}"))),
        ),
        (
            "{values: {ringCount: {from: request.ringCount, min: 2, max: 9, default: 4}}}",
            Effects(values=values(rings=Clamped("request.ringCount", 2, 9, 4))),
        ),
        (
            "{values: {ringCount: {from: stored.ringCount}}}",
            Effects(values=values(rings=Clamped("stored.ringCount", 1, 100))),
        ),
        (
            "{also: [{feature: DoNotDisturb, status: 0}]}",
            Effects(also=(Also(Feature.DO_NOT_DISTURB, 0),)),
        ),
        (
            '{also: [{feature: DoNotDisturb, status: request, user: "${user}-2", domain: b}]}',
            Effects(
                also=(
                    Also(Feature.DO_NOT_DISTURB, "request", Template("${user}-2"), Template("b")),
                )
            ),
        ),
        ("{deny: no}", Effects(denial=Denial("no"))),
        ("{deny: {reason: no}}", Effects(denial=Denial("no"))),
        (
            "{deny: {reason: no, text: Never, answer: reject-403}}",
            Effects(denial=Denial("no", "Never", DenialAnswer.REJECT)),
        ),
        ("{allow: true}", Effects(allow=True)),
        ('{log: "${user} ${op}"}', Effects(log="${user} ${op}")),
    ],
)
def test_effects_are_read_as_written(then: str, effects: Effects) -> None:
    """Nothing is set that is not said."""
    assert rule(then=then).effects == effects


def test_head_of_a_file_and_its_defaults() -> None:
    """What an author leaves out is normal, 500 and in force."""
    rules = "- id: r\n  then: {status: 1}\n"
    assert reader(rules).header() == Policy("p", Mode.ENFORCE, Band.NORMAL, 500, ())
    head = "mode: 'off'\nband: mandatory\npriority: 7\n"
    assert reader(rules, head).header() == Policy("p", Mode.OFF, Band.MANDATORY, 7, ())


@pytest.mark.parametrize(
    ("when", "code", "message"),
    [
        ("{date: 2026-02-30}", "policy_value", "`2026-02-30` is not a calendar date"),
        (
            "{date: {notIn: [2026-02-28, 2026-02-29]}}",
            "policy_value",
            "`2026-02-29` is not a calendar date",
        ),
        (
            "{source.ip: 10.0.0.256}",
            "policy_value",
            "`10.0.0.256` is not an address; a network takes `cidr`",
        ),
        (
            "{source.ip: '2001:db8:0::1'}",
            "policy_value",
            "`2001:db8:0::1` must be written `2001:db8::1`",
        ),
        (
            "{source.ip: {cidr: 10.0.0.1/8}}",
            "policy_value",
            "`10.0.0.1/8` is an address in a network; write the network, `10.0.0.0/8`",
        ),
        ("{user: {sameAs: user}}", "policy_value", "`user` is always the same as itself"),
    ],
)
def test_constants_that_no_fact_can_have_are_findings(when: str, code: str, message: str) -> None:
    """They have the right form, so the schema lets them pass."""
    one = reader(f"- id: r\n  when: {when}\n  then: {{status: 1}}\n")
    one.rule(P, AllOf(()), 0)
    assert [(finding.code, finding.message) for finding in one.findings] == [(code, message)]


def test_placeholders_must_name_facts() -> None:
    """Otherwise the log would say `-` forever."""
    one = reader('- id: r\n  then: {log: "${usr} ${user} ${}"}\n')
    one.rule(P, AllOf(()), 0)
    assert [finding.message for finding in one.findings] == [
        "unknown fact `usr` (did you mean `user`?)",
        "unknown fact ``",
    ]


@pytest.mark.parametrize(
    ("then", "code", "message"),
    [
        (
            "{values: {forwardTo: {default: x}}}",
            "policy_effect",
            "`forwardTo` takes either `from` or `template`",
        ),
        (
            "{values: {forwardTo: {from: user, template: x}}}",
            "policy_effect",
            "`forwardTo` takes either `from` or `template`",
        ),
        (
            '{values: {forwardTo: {template: "${usr}"}}}',
            "policy_unknown_fact",
            "unknown fact `usr` (did you mean `user`?)",
        ),
        (
            "{values: {ringCount: {from: request.ringCount, min: 9, max: 2}}}",
            "policy_value",
            "`min` (9) is more than `max` (2)",
        ),
        (
            '{also: [{feature: DoNotDisturb, status: 1, user: "${usr}"}]}',
            "policy_unknown_fact",
            "unknown fact `usr` (did you mean `user`?)",
        ),
    ],
)
def test_effects_that_cannot_be_meant_are_findings(then: str, code: str, message: str) -> None:
    """They have the right form, so the schema lets them pass."""
    one = reader(f"- id: r\n  when: {{op: set}}\n  then: {then}\n")
    one.rule(P, AllOf(()), 0)
    assert [(finding.code, finding.message) for finding in one.findings] == [(code, message)]


def test_a_tenants_scope_has_the_tenants_domain() -> None:
    """Nothing that a tenant writes can match for another."""
    one = reader("- id: r\n  then: {status: 1}\n", "scope: {op: get}")
    assert one.scope("a.example") == AllOf((Atom("domain", "eq", "a.example"), GET))


def test_rules_of_a_policy_in_shadow_are_in_shadow() -> None:
    """They are matched like any other, and told apart when it comes to decide."""
    one = reader("- id: r\n  then: {status: 1}\n", "mode: shadow")
    assert one.rule(one.header(), AllOf(()), 0).shadow


OFFICE = 'schedules: {office: {weekly: ["Mon-Fri 08:00-18:00"]}}'


def test_a_schedule_is_read_by_its_name() -> None:
    """`outside` is the exact negation of `during`."""
    text = "- id: r\n  when: {time: {during: office, outside: office}}\n  then: {status: 1}\n"
    one = reader(text, OFFICE)
    read = one.rule(P, AllOf(()), 0).condition
    schedule = parse_schedule({"weekly": ["Mon-Fri 08:00-18:00"]})
    during = Atom("time", "during", Named("office", schedule))
    assert read == AllOf((AllOf(()), AllOf((during, Not(during)))))
    assert during.facts == ("now",)


@pytest.mark.parametrize(
    ("schedules", "name", "place", "code", "message"),
    [
        (
            OFFICE,
            "offise",
            (7, 27),
            "policy_unknown_schedule",
            "unknown schedule `offise` (did you mean `office`?)",
        ),
        (
            'schedules: {office: {weekly: ["Mon-Fry 08:00-18:00"]}}',
            "office",
            (4, 31),
            "policy_schedule",
            "unknown day `Fry` (did you mean `Fri`?); days are `Mon` to `Sun`, or `Daily`",
        ),
    ],
)
def test_what_is_wrong_with_a_schedule_is_told_where_it_stands(
    schedules: str, name: str, place: tuple[int, int], code: str, message: str
) -> None:
    """One finding each, however many rules speak of it."""
    text = f"- id: r\n  when: {{time: {{during: {name}}}}}\n  then: {{status: 1}}\n"
    one = reader(text, schedules)
    one.rule(P, AllOf(()), 0)
    assert [(*place, code, message)] == [finding[1:5] for finding in one.findings]
