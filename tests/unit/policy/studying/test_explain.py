"""Why the policies decide as they do."""

import pytest

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.requests import FeatureRequest
from dfks_rules.phrases.german import german
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.explain import (
    Explanation,
    brief,
    explain,
    explanation_json,
    lines_of,
)
from tests.helpers.in_german import left_in_english
from tests.helpers.policy import (
    ALICE,
    BOB,
    CFA,
    DND,
    NOON,
    PHONE,
    get,
    policies,
    set_,
    source,
    subscribe,
)
from tests.helpers.states import forwarding
from tests.unit.policy.reading.test_check_exceptions import exception


def explained(rules: str, request: FeatureRequest) -> Explanation:
    """Why one policy decides so at noon, nothing stored."""
    policy_set = policies(rules)
    try:
        return explain(policy_set, View(request, NOTHING_STORED, NOON))
    finally:
        policy_set.close()


def test_a_lifted_denial_is_told_of_both_rules() -> None:
    """Of the one that denies, and of the Exception."""
    denial = "{deny: {reason: no, exceptions: true}}"
    denying = source(f"- {{id: r, when: {{op: set, request.status: 1}}, then: {denial}}}")
    policy_set = load([denying, exception()])
    explanation = explain(policy_set, View(set_(), NOTHING_STORED, NOON))
    policy_set.close()
    assert lines_of(explanation)[-4:] == [
        "  p/r",
        "    deny: not used, e/exception lifts it",
        "  Exception e/exception",
        "    lifts: the denial of p/r",
    ]
    assert brief(explanation) == [
        "matched: p/r, e/exception",
        "lifted: p/r by e/exception",
    ]


def test_whatever_else_a_rule_says_whose_denial_is_lifted_is_told() -> None:
    """Only the denial does not count."""
    then = "{deny: {reason: no, exceptions: true}, assigned: false, notify: others}"
    denying = source(f"- {{id: r, when: {{op: set, request.status: 1}}, then: {then}}}")
    policy_set = load([denying, exception()])
    explanation = explain(policy_set, View(set_(), NOTHING_STORED, NOON))
    policy_set.close()
    assert explanation.decision.decided_by == {"assigned": "p/r", "notify": "p/r"}
    assert lines_of(explanation)[-6:-2] == [
        "  p/r",
        "    deny: not used, e/exception lifts it",
        "    assigned: decided, false",
        '    notify: decided, "others"',
    ]


def test_a_final_rule_that_decides_nothing_is_not_the_reason() -> None:
    """A rule in shadow ends nothing."""
    rules = """
- {id: shadow, mode: shadow, when: {op: get}, then: {notify: false, final: true}}
- {id: last, when: {op: get}, then: {notify: others, final: true}}
- {id: lost, when: {op: get}, then: {assigned: false}}
"""
    lines = lines_of(explained(rules, get(DND)))
    assert "    assigned: not used, p/last is final" in lines


def test_an_exception_without_a_denial_lifts_nothing() -> None:
    """It matches all the same."""
    rules = "- {id: r, when: {op: set, user: x}, then: {deny: {reason: no, exceptions: true}}}"
    policy_set = load([source(rules), exception()])
    explanation = explain(policy_set, View(set_(), NOTHING_STORED, NOON))
    policy_set.close()
    assert "    lifts: nothing, no rule denies that it names" in lines_of(explanation)


RULES = """
- id: first
  when: {op: get}
  then: {status: 1}
- id: second
  when: {op: get}
  then: {status: 0, notify: false, final: true}
- id: third
  when: {op: get}
  then: {assigned: false, log: seen}
- id: fraud
  when: {op: set, request.forwardTo: {prefix: ["sip:+44", "sip:+33"]}}
  then: {deny: {reason: fraud, text: No}}
- id: busy
  when: {op: set, any: [{user: bob}, {device: {exists: true}}]}
  unless: {feature: DoNotDisturb}
  then: {deny: busy}
- id: keep
  when: {op: set}
  then: {status: stored}
"""


def test_each_field_says_who_decided_it_and_who_lost() -> None:
    """Earlier rules, `final`, and denials."""
    assert lines_of(explained(RULES, get())) == [
        "get DoNotDisturb of sip:alice@example.com: allowed, status 1, assigned true, notify false",
        "matched, in order of precedence:",
        "  p/first",
        "    status: decided, 1",
        "  p/second",
        "    status: not used, p/first comes first",
        "    notify: decided, false",
        "  p/third",
        "    assigned: not used, p/second is final",
        "3 rules are about other operations, features or domains",
    ]


def test_a_denial_takes_everything_from_the_other_rules() -> None:
    """The first one gives the reason."""
    asked = forwarding(True, "sip:+4420@example.com")
    lines = lines_of(explained(RULES, set_(CFA, asked)))
    assert lines[0] == "set CallForwardingAlways of sip:alice@example.com: denied, fraud (No)"
    assert "    status: not used, p/fraud denies" in lines


def test_a_rule_that_did_not_match_says_which_test_failed_and_what_it_saw() -> None:
    """The first of those that all must hold, each of those of which one must."""
    lines = lines_of(explained(RULES, set_(CFA, forwarding(False, "sip:bob@x"))))
    at = lines.index("did not match:")
    assert lines[at : at + 6] == [
        "did not match:",
        "  p/fraud",
        '    request.forwardTo: {prefix: [sip:+44, sip:+33]}; saw "sip:bob@x"',
        "  p/busy",
        '    user: bob; saw "alice"',
        "    device: {exists: true}; saw absent",
    ]


def test_rules_about_other_requests_are_told_when_wanted() -> None:
    """There are hundreds of them."""
    explanation = explained(RULES, set_(DND))
    assert '    op: get; saw "set"' in lines_of(explanation, every=True)
    assert [one.rule for one in explanation.unmatched if one.elsewhere] == [
        "p/first",
        "p/second",
        "p/third",
        "p/busy",
    ]


def test_leave_to_subscribe_is_explained_too() -> None:
    """The refusal that is built in has no rule."""
    explanation = explained(RULES, subscribe(requester=PHONE._replace(watcher=BOB)))
    assert lines_of(explanation)[0] == (
        "subscribe of sip:alice@example.com: denied, not-your-presentity "
        "(Only the presentity's own phones may subscribe)"
    )
    assert brief(explanation) == ["no rule matched"]
    assert lines_of(explained(RULES, subscribe()))[0].endswith(": allowed")


def test_in_short_it_is_the_rules_and_the_fields() -> None:
    """What a failed case shows."""
    assert brief(explained(RULES, get())) == [
        "matched: p/first, p/second, p/third",
        "decided: status by p/first, notify by p/second",
    ]
    quiet = explained("- {id: r, when: {op: get}, then: {log: x}}", get())
    assert brief(quiet) == ["matched: p/r"]
    assert "    sets nothing here" in lines_of(quiet)


def test_programs_get_the_same() -> None:
    """As JSON."""
    value = explanation_json(explained(RULES, set_(CFA, forwarding(False, "x"))))
    unmatched = value["unmatched"]
    assert isinstance(unmatched, list)
    assert unmatched[3] == {
        "rule": "p/fraud",
        "elsewhere": False,
        "because": [
            {
                "test": "request.forwardTo: {prefix: [sip:+44, sip:+33]}",
                "saw": {"request.forwardTo": "x"},
            }
        ],
    }
    said = {"field": "status", "value": 0, "lost": None, "why": None, "by": None}
    assert value["matched"] == [{"rule": "p/keep", "said": [said]}]


def test_programs_are_told_by_a_code_why_something_was_not_used() -> None:
    """A console that speaks another language does not read sentences."""
    matched = explained(RULES, get(CFA)).matched
    lost = {(one.rule, said.field): (said.why, said.by) for one in matched for said in one.said}
    assert lost["p/second", "status"] == ("later", "p/first")
    assert lost["p/third", "assigned"] == ("final", "p/second")


def test_an_explanation_can_be_told_in_german() -> None:
    """Whoever opens the console in German reads it in German, to the last line."""
    told = lines_of(explained(RULES, get(CFA)), every=True)
    assert [wrong for line in told for wrong in left_in_english(line)] == []
    assert german(told[0]).startswith("get CallForwardingAlways of ".replace(" of ", " von "))


def test_sets_that_follow_are_told() -> None:
    """Whoever sees a lamp go on elsewhere asks here."""
    rules = """
        - id: mirror
          when: {op: set}
          then:
            also:
              - {feature: DoNotDisturb, user: bob, status: request}
              - {feature: CallForwardingAlways, status: 1, values: {forwardTo: vm}}
    """
    assert lines_of(explained(rules, set_())) == [
        "set DoNotDisturb of sip:alice@example.com: allowed, status 1, assigned true, notify true",
        "asked for: status 1",
        "also: sets DoNotDisturb of sip:bob@example.com, status 1",
        'also: sets CallForwardingAlways of sip:alice@example.com, status 1, forwardTo "vm"',
        "matched, in order of precedence:",
        "  p/mirror",
        "    also: 2 sets follow",
    ]


@pytest.mark.parametrize(("rule", "policy"), [("", "mode: shadow"), ("mode: shadow, ", "")])
def test_a_rule_in_shadow_says_what_it_would_set(rule: str, policy: str) -> None:
    """That is what shadow is for, of a rule by itself as well."""
    policy_set = policies(f"- {{id: r, {rule}when: {{op: get}}, then: {{status: 1}}}}", policy)
    lines = lines_of(explain(policy_set, View(get(), NOTHING_STORED, NOON)))
    policy_set.close()
    assert lines[1:] == [
        "matched, in order of precedence:",
        "  p/r",
        "    status: not used, it is in shadow",
    ]


def test_sets_that_do_not_follow_are_not_told() -> None:
    """A set that is denied triggers nothing, whatever its rules say."""
    rules = """
        - {id: f, when: {op: set}, then: {also: [{feature: AgentState, status: 0}]}}
        - {id: n, when: {op: set, user: bob}, then: {deny: no}}
    """
    allowed, denied = (
        lines_of(explained(rules, set_()._replace(presentity=one))) for one in (ALICE, BOB)
    )
    assert allowed[allowed.index("  p/f") + 1] == "    also: 1 set follows"
    assert denied[denied.index("  p/f") + 1] == "    sets nothing here"


def test_of_rules_that_should_have_matched_it_is_told_why_they_did_not() -> None:
    """Only of those: a failed case is about a few of many."""
    rules = """
        - {id: a, when: {op: set, user: x}, then: {deny: no}}
        - {id: b, when: {op: get}, then: {log: x}}
    """
    explanation = explained(rules, set_())
    assert brief(explanation, {"p/a"}) == [
        "no rule matched",
        'p/a did not match: user: x; saw "alice"',
    ]
