"""Cases: parsed, built into requests, run, and told apart when they fail."""

from datetime import datetime

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.model.features import NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    EXPIRED,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
)
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import (
    Case,
    is_cases_file,
    parse_cases,
    rules_wanted,
    run_cases,
)
from tests.helpers.policy import ALICE, BOB, CFA, CFNA, DND, PHONE, policies
from tests.helpers.states import forwarding

HEAD = "apiVersion: dfks/v1\nkind: PolicyTest\npolicies: [p.yaml, ../q.yaml]\n"


def cases(given: str, expect: str = "{status: 1}", defaults: str = "{}") -> Source:
    """A file with one case, which stands on line 6; `given` stands on line 7."""
    case = f"  - name: c\n    given: {given}\n    expect: {expect}\n"
    text = f"{HEAD}defaults: {defaults}\ntests:\n{case}"
    return Source("cases.yaml", text)


def one(given: str, defaults: str = "{}") -> Case:
    """The only case of a file."""
    (case,) = parse_cases(cases(given, defaults=defaults)).cases
    return case


def test_a_file_names_its_policies_and_cases() -> None:
    """Policies are read by the caller, relative to the file."""
    parsed = parse_cases(cases("{op: get, feature: DoNotDisturb}"))
    assert (parsed.file, parsed.policies) == ("cases.yaml", ("p.yaml", "../q.yaml"))
    assert [(case.name, case.line, case.expect) for case in parsed.cases] == [
        ("c", 6, {"status": 1})
    ]


def test_what_is_not_given_is_alice_at_noon_with_nothing_stored() -> None:
    """A case says only what matters to it."""
    case = one("{op: get, feature: DoNotDisturb}")
    assert case.view.request == FeatureRequest(Operation.GET, ALICE, PHONE, DND)
    assert case.view.snapshot == NOTHING_STORED
    assert case.view.at.isoformat() == "2026-01-05T12:00:00+00:00"


def test_given_facts_make_the_request() -> None:
    """Every fact that a request can have."""
    case = one(
        "{op: set, feature: CallForwardingNoAnswer, request.status: 1, request.forwardTo: x,"
        " request.ringCount: 3, user: carol, domain: c.example, watcher: sip:bob@example.com,"
        " device: d, userAgent: u, transport: tcp, source.ip: 10.0.0.7,"
        ' time: "07:05", date: 2026-12-06, weekday: sun}'
    )
    requester = Requester(Origin.WATCHER, BOB, "d", "u", "tcp", "10.0.0.7")
    assert case.view.request == FeatureRequest(
        Operation.SET, Aor("carol", "c.example"), requester, CFNA, forwarding(True, "x", 3)
    )
    assert case.view.at == datetime.fromisoformat("2026-12-06T07:05+00:00")


def test_given_facts_make_what_is_stored() -> None:
    """Of the feature asked about, and of others."""
    case = one(
        "{op: get, feature: CallForwardingAlways, stored.status: 1, stored.forwardTo: x,"
        " CallForwardingNoAnswer.ringCount: 3, DoNotDisturb.status: 1}"
    )
    assert case.view.snapshot.state(CFA) == forwarding(True, "x")
    assert case.view.snapshot.state(CFNA) == forwarding(False, rings=3)
    assert case.view.snapshot.state(DND) == FeatureState(status=True)


def test_an_operator_has_a_param_and_no_watcher() -> None:
    """The other door."""
    case = one("{op: set, origin: operator, param: p, feature: DoNotDisturb, request.status: 0}")
    assert case.view.request.requester == Requester(Origin.OPERATOR, param="p")


def test_a_weekday_alone_chooses_a_day() -> None:
    """Rules about weekends need no calendar at hand."""
    case = one("{op: subscribe, weekday: sun}")
    assert (case.view.at.strftime("%a"), case.view.request.feature) == ("Sun", None)


def test_defaults_hold_where_a_case_does_not_say_otherwise() -> None:
    """Also those that the operation of one case does not have."""
    defaults = "{user: carol, feature: DoNotDisturb, request.status: 1, watcher.user: bob}"
    case = one("{op: subscribe, user: dave}", defaults)
    assert (case.view.request.presentity.user, case.view.request.feature) == ("dave", None)
    assert case.view.request.requester.watcher == BOB


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ("{user: a}", "6:5: case has no `op` [policy_case]"),
        ("{op: get}", "6:5: case has no `feature` [policy_case]"),
        ("{op: set, feature: DoNotDisturb}", "6:5: case has no `request.status` [policy_case]"),
        (
            "{op: subscribe, date: 2026-02-30}",
            "6:5: `2026-02-30` is not a calendar date [policy_case]",
        ),
        (
            "{op: subscribe, date: 2026-01-05, weekday: sun}",
            "7:28: `date` cannot be `2026-01-05`: the other facts make it `2026-01-11` "
            "[policy_case]",
        ),
        (
            "{op: subscribe, request.status: 1}",
            "7:28: `request.status` cannot be `1`: the other facts make it absent [policy_case]",
        ),
        (
            "{op: subscribe, origin: operator, watcher: sip:a@b}",
            "7:46: `watcher` cannot be `sip:a@b`: the other facts make it absent [policy_case]",
        ),
        (
            "{op: subscribe, presentity: sip:a@b, user: c}",
            "7:28: `presentity` cannot be `sip:a@b`: the other facts make it `sip:c@b` "
            "[policy_case]",
        ),
        (
            "{op: gett}",
            "7:17: `gett` is not one of `get`, `set`, `subscribe` (did you mean `get`?) "
            "[policy_value]",
        ),
        ("{usr: a}", "7:13: unknown fact `usr` (did you mean `user`?) [policy_unknown_fact]"),
    ],
)
def test_facts_that_make_no_request_are_findings(given: str, finding: str) -> None:
    """A case that tests something else than it says is worse than none."""
    with pytest.raises(PolicyError) as caught:
        parse_cases(cases(given))
    assert str(caught.value) == f"cases.yaml:{finding}"


def test_a_file_of_cases_that_is_not_yaml_is_refused() -> None:
    """The same strict reader as for policies."""
    with pytest.raises(PolicyError, match="appears twice"):
        parse_cases(Source("cases.yaml", HEAD + "kind: PolicyTest\n"))


RULES = """
- id: a
  when: {feature: CallForwardingNoAnswer}
  then: {status: 1, values: {forwardTo: x, ringCount: 3}, notify: requester, log: "l"}
- id: b
  when: {feature: DoNotDisturb}
  then: {deny: {reason: no, answer: unassigned}, notify: false}
"""


@pytest.mark.parametrize(
    ("given", "met", "missed", "differences"),
    [
        (
            "CallForwardingNoAnswer",
            "{decision: allow, status: 1, values: {forwardTo: x, ringCount: 3}, assigned: true,"
            " notify: requester, by: {status: p/a}, matched: [p/a], log: [l]}",
            "{decision: deny, status: 0, values: {forwardTo: y, ringCount: 4}, assigned: false,"
            " notify: true, by: {status: p/b, deny: p/b}, matched: [], log: [], reason: no}",
            (
                "decision: expected deny, got allow",
                "status: expected 0, got 1",
                "values.forwardTo: expected y, got x",
                "values.ringCount: expected 4, got 3",
                "assigned: expected false, got true",
                "notify: expected true, got requester",
                "by.status: expected p/b, got p/a",
                "by.deny: expected p/b, got no rule",
                "matched: expected [], got [p/a]",
                "log: expected [], got [l]",
                "reason: expected no, got no denial",
            ),
        ),
        (
            "DoNotDisturb",
            "{decision: deny, reason: no, assigned: false, notify: false, matched: [p/b]}",
            "{decision: allow, reason: yes, notify: others, matched: [p/b, p/a]}",
            (
                "decision: expected allow, got deny",
                "reason: expected yes, got no",
                "notify: expected others, got false",
                "matched: expected [p/b, p/a], got [p/b]",
            ),
        ),
    ],
)
def test_results_say_which_expectation_was_not_met(
    given: str, met: str, missed: str, differences: tuple[str, ...]
) -> None:
    """Each field of `expect`, met and missed."""
    policy_set = policies(RULES)
    facts = f"{{op: get, feature: {given}}}"
    (result,) = run_cases(parse_cases(cases(facts, met)), policy_set)
    assert (result.passed, result.differences) == (True, ())
    (result,) = run_cases(parse_cases(cases(facts, missed)), policy_set)
    assert (result.passed, result.differences) == (False, differences)
    policy_set.close()


def test_what_is_not_expected_is_not_compared() -> None:
    """Cases pin what they name."""
    (result,) = run_cases(parse_cases(cases("{op: subscribe}", "{decision: allow}")), load([]))
    assert result.passed


@pytest.mark.parametrize(
    ("name", "holds_cases"),
    [
        ("cases.yaml", True),
        ("policies/default/cases.yaml", True),
        ("policy.yaml", False),
        ("office-cases.yaml", True),
        ("cases.yaml/policy.yaml", False),
    ],
)
def test_files_of_cases_are_known_by_name(name: str, *, holds_cases: bool) -> None:
    """A directory of policies is loaded without them."""
    assert is_cases_file(name) is holds_cases


EXPIRES = """
- id: r
  when: {op: set, feature: DoNotDisturb, request.status: 1}
  then: {expire: 2h}
"""
ON_AT_NOON = "{op: set, feature: DoNotDisturb, request.status: 1}"


@pytest.mark.parametrize(
    ("given", "expires", "differences"),
    [
        (ON_AT_NOON, "2h", ()),
        (ON_AT_NOON, "120m", ()),
        (ON_AT_NOON, '"2026-01-05T15:00+01:00"', ()),
        (ON_AT_NOON, "false", ("expires: expected false, got 2026-01-05T14:00+00:00",)),
        (ON_AT_NOON, "3h", ("expires: expected 3h, got 2026-01-05T14:00+00:00",)),
        ("{op: set, feature: DoNotDisturb, request.status: 0}", "false", ()),
        (
            "{op: set, feature: DoNotDisturb, request.status: 0}",
            "2h",
            ("expires: expected 2h, got nothing",),
        ),
    ],
)
def test_a_case_says_when_something_expires(
    given: str, expires: str, differences: tuple[str, ...]
) -> None:
    """So long after the set, at a moment, or not by itself."""
    expected = parse_cases(cases(given, f"{{expires: {expires}}}"))
    (result,) = run_cases(expected, policies(EXPIRES))
    assert result.differences == differences


def test_a_case_may_be_about_what_expires() -> None:
    """Its parameter is `expired`; no other one goes with a set by a rule."""
    set_off = "op: set, feature: DoNotDisturb, request.status: 0, origin: internal"
    case = one(f"{{{set_off}, param: expired}}")
    assert case.view.request.requester == EXPIRED
    with pytest.raises(PolicyError, match="`param` cannot be `night`"):
        one(f"{{{set_off}, param: night}}")


def test_a_wrong_end_is_told_with_the_forms_that_cases_take() -> None:
    """They are others than those of rules: a case says what comes of `until 20:00`."""
    expect = "{expires: until 20:00}"
    with pytest.raises(PolicyError, match="is neither a duration like `2h`, nor a moment like"):
        parse_cases(cases("{op: get, feature: DoNotDisturb}", expect))


def test_a_moment_that_ends_in_z_is_refused_with_what_to_write() -> None:
    """As logs of other programs have it: nobody should have to guess that UTC is an offset, too."""
    with pytest.raises(PolicyError, match=r"30Z` is not a moment like .* \(in UTC: `\+00:00`\)"):
        one("{op: get, feature: DoNotDisturb, now: '2026-11-24T17:30Z'}")


def test_the_rules_that_a_case_is_about_are_known_by_name_or_reason() -> None:
    """When it fails, why they did not match is what an author wants to know."""
    policy_set = policies("- {id: r, when: {op: set}, then: {deny: no}}\n- {id: s, then: {log: x}}")
    given = "{op: set, feature: DoNotDisturb, request.status: 1}"
    found = [
        rules_wanted(parse_cases(cases(given, expect)).cases[0], policy_set)
        for expect in (
            "{status: 1}",
            "{reason: no}",
            "{by: {status: p/x}, matched: [p/y], lifted: {p/z: e/exception}}",
        )
    ]
    assert found == [set(), {"p/r"}, {"p/x", "p/y", "p/z", "e/exception"}]
