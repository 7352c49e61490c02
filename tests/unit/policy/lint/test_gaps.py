"""What no rule decides."""

from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.lint.gaps import Gap, gaps
from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source


def of(rules: str, op: str, feature: str | None = "DoNotDisturb") -> Gap:
    """The row of one question."""
    rows = gaps(check([source(rules)])[0])
    assert len(rows) == len(QUESTIONS)
    (row,) = [row for row in rows if (row.op, row.feature) == (op, feature)]
    return row


def test_without_rules_everything_is_built_in() -> None:
    """The words are those that an operator needs at night."""
    rules = "- {id: r, when: {op: get, feature: CallForwardingBusy}, then: {log: x}}"
    assert of(rules, "set").otherwise == "no rule: the requested state is stored"
    assert of(rules, "get").otherwise == "no rule: the stored state is sent"
    subscribe = of(rules, "subscribe", None)
    assert subscribe.otherwise == "no rule: only the presentity's own phones are allowed"


def test_rules_are_counted_by_what_they_are_about() -> None:
    """Those of one domain apart, as they do nothing for the others."""
    row = of(
        "- {id: a, when: {op: set, user: bob}, then: {status: 0}}\n"
        "- {id: b, when: {op: set, domain: a.example}, then: {notify: false}}\n"
        "- {id: c, when: {op: set, domain: a.example, request.status: 1}, then: {deny: no}}\n"
        "- {id: d, when: {op: set, feature: CallForwardingBusy}, then: {status: 0}}",
        "set",
    )
    assert (row.rules, row.domain_rules, row.denials) == (1, 2, 1)
    assert (row.decided, row.sometimes) == ((), ("notify", "status"))
    assert row.otherwise == "where no rule matches: the requested state is stored"


def test_a_rule_for_every_request_leaves_no_gap() -> None:
    """In every domain."""
    row = of("- {id: a, when: {op: set}, then: {status: request}}", "set")
    assert (row.decided, row.otherwise) == (("status",), "always decided by a rule")
    in_one = of("- {id: a, when: {op: set, domain: a.example}, then: {status: 0}}", "set")
    assert in_one.decided == ()


def test_a_rule_about_targets_is_no_rule_about_do_not_disturb() -> None:
    """A feature without a target cannot match it."""
    rules = "- {id: r, when: {op: set, target.class: premium}, then: {deny: premium}}"
    assert (of(rules, "set").rules, of(rules, "set").denials) == (0, 0)
    assert of(rules, "set", "CallForwardingBusy").rules == 1


def test_of_agent_state_phones_are_not_told_unless_a_rule_assigns_it() -> None:
    """What a get shows is then nobody's question."""
    shown = "- {id: r, when: {op: get}, then: {status: stored}}"
    assert of(shown, "get", "AgentState").otherwise == "no rule: phones are not told"
    agents = "- {id: r, when: {op: get, user: bob}, then: {assigned: true}}"
    assert of(agents, "get", "AgentState").otherwise == "where no rule matches: phones are not told"
    all_ = "- {id: r, when: {op: get}, then: {assigned: true}}"
    assert of(all_, "get", "AgentState").otherwise == "always decided by a rule"
    assert of(shown, "set", "AgentState").otherwise == "no rule: the requested state is stored"
