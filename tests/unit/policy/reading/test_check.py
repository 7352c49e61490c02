"""All stages of checking: what each finds, and that all findings are told at once."""

import pytest

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source


def findings(rules: str, head: str = "") -> list[Finding]:
    """What is wrong with one file."""
    return sorted(check([source(rules, head)])[1])


def one(when: str, then: str = "{status: 1}") -> str:
    """A file with one rule; its condition stands on line 6, its effects on line 7."""
    return f"- id: r\n  when: {when}\n  then: {then}\n"


@pytest.mark.parametrize(
    ("when", "then", "place", "code", "message"),
    [
        (
            "{op: get, request.status: 1}",
            "{status: 1}",
            (6, 37),
            "policy_fact",
            "fact `request.status` exists only for `set`; the rule is about `get`",
        ),
        (
            "{op: subscribe, not: {stored.status: 1}}",
            "{deny: no}",
            (6, 48),
            "policy_fact",
            "fact `stored.status` exists only for `get`, `set`; the rule is about `subscribe`",
        ),
        (
            "{op: subscribe, target.team: x}",
            "{allow: true}",
            (6, 40),
            "policy_fact",
            "fact `target.team` exists only for `get`, `set`; the rule is about `subscribe`",
        ),
        (
            "{op: set}",
            "{also: [{feature: DoNotDisturb, status: 1, group: g, domain: a.example}]}",
            (7, 64),
            "policy_effect",
            "`group` says whose feature it is; remove `domain`",
        ),
        (
            "{op: set, target.nmber: x}",
            "{deny: no}",
            (6, 21),
            "policy_unknown_fact",
            "unknown fact `target.nmber` (did you mean `target.number`?)",
        ),
        (
            "{op: set, watcher.user: {sameAs: watcher.domian}}",
            "{deny: no}",
            (5, 5),
            "policy_unknown_fact",
            "unknown fact `watcher.domian` (did you mean `watcher.domain`?)",
        ),
        (
            "{op: set}",
            "{allow: true}",
            (7, 12),
            "policy_effect",
            "`allow` is for rules with `op: subscribe` in `when` or in the scope",
        ),
        (
            "{user: a}",
            "{allow: true}",
            (7, 12),
            "policy_effect",
            "`allow` is for rules with `op: subscribe` in `when` or in the scope",
        ),
        (
            "{feature: [DoNotDisturb, CallForwardingBusy]}",
            "{values: {ringCount: 3}}",
            (7, 21),
            "policy_effect",
            "`CallForwardingBusy`, `DoNotDisturb` has no value `ringCount`",
        ),
        (
            "{op: subscribe}",
            "{values: {forwardTo: x}}",
            (7, 21),
            "policy_effect",
            "`subscribe` has no value `forwardTo`",
        ),
        (
            "{op: get, not: {op: get}}",
            "{status: 1}",
            (5, 5),
            "policy_never_matches",
            "rule `r` can never match: its conditions contradict each other",
        ),
        (
            "{op: subscribe, feature: DoNotDisturb}",
            "{deny: no}",
            (5, 5),
            "policy_never_matches",
            "rule `r` can never match: its conditions contradict each other",
        ),
        (
            "{all: [{domain: a.example}, {domain: [b.example, c.example]}]}",
            "{status: 1}",
            (5, 5),
            "policy_never_matches",
            "rule `r` can never match: its conditions contradict each other",
        ),
    ],
)
def test_rules_that_mean_nothing_are_refused(
    when: str, then: str, place: tuple[int, int], code: str, message: str
) -> None:
    """Each is a mistake that would otherwise be silent."""
    assert findings(one(when, then)) == [Finding("p.yaml", *place, code, message)]


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ("{op: [get, set], stored.status: 1}", "{status: 1}"),
        ("{request.status: 1}", "{deny: no}"),
        ("{feature: [CallForwardingBusy, CallForwardingNoAnswer]}", "{values: {ringCount: 3}}"),
        ("{all: [{op: [subscribe, get]}, {op: {ne: get}}]}", "{allow: true}"),
        ("{op: {notIn: [get, set]}}", "{allow: true}"),
    ],
)
def test_rules_that_can_mean_something_are_let_pass(when: str, then: str) -> None:
    """Only what is certainly a mistake is refused."""
    assert findings(one(when, then)) == []


def test_scope_counts_as_part_of_every_rule() -> None:
    """`allow` may stand in a file whose scope says subscribe."""
    assert findings("- id: r\n  then: {allow: true}\n", "scope: {op: subscribe}") == []
    (finding,) = findings(one("{op: set}"), "scope: {op: get}")
    assert finding.code == "policy_never_matches"
    (finding,) = findings("- id: r\n  then: {status: 1}\n", "scope: {op: get, device: x}")
    assert (finding.line, finding.code) == (6, "policy_fact")


def test_too_many_alternatives_are_refused_at_once() -> None:
    """2^30 alternatives must not be made to find that there are too many."""
    ways = ", ".join(f"{{any: [{{user: a{n}}}, {{param: b{n}}}]}}" for n in range(30))
    (finding,) = findings(one(f"{{all: [{ways}]}}"))
    assert finding.message == (
        "rule `r`: its conditions have more than 64 alternatives; split the rule"
    )


def test_ids_are_unique_in_a_file_even_where_rules_are_broken() -> None:
    """`policy/rule` names one rule; the second one is marked."""
    found = findings("- {id: a, then: {status: 7}}\n- {id: a, then: {status: 1}}\n")
    assert [(finding.line, finding.code) for finding in found] == [
        (5, "policy_value"),
        (6, "policy_duplicate_id"),
    ]
    assert found[1].message == "rule `a` appears twice, first on line 5"


def test_names_are_unique_over_files() -> None:
    """Explanations name policies, not files."""
    rules = "- {id: a, then: {status: 1}}\n"
    second = source(rules)._replace(file="q.yaml")
    assert check([source(rules), second])[1] == [
        Finding(
            "q.yaml", 3, 18, "policy_duplicate_name", "the name `p` is already used by `p.yaml`"
        )
    ]


def test_findings_of_all_files_rules_and_stages_are_told() -> None:
    """An author mends a file once, not once for each mistake."""
    broken = source(
        "- {id: a, then: {status: 7}}\n- {id: b, when: {date: 2026-02-30}, then: {status: 1}}\n"
    )
    text = source("- id: a\n  id: b\n", name="q")
    found = sorted(check([broken, text])[1])
    assert [(finding.file, finding.line, finding.code) for finding in found] == [
        ("p.yaml", 5, "policy_value"),
        ("p.yaml", 6, "policy_value"),
        ("q.yaml", 6, "policy_duplicate_key"),
    ]


def test_a_file_may_have_no_rules() -> None:
    """The first thing that an author does is take them out."""
    checked, found, _ = check(
        [source("")._replace(text=source("").text.replace("rules:", "rules: []"))]
    )
    assert found == []
    assert checked[0].policy.rules == ()


@pytest.mark.parametrize(
    "text", ["metadata: {name: [a]}", "rules: 7", "rules: [{id: [a]}, {id: {}}]", "[]", "7"]
)
def test_files_of_any_shape_give_findings(text: str) -> None:
    """Later stages look at trees that the schema has refused."""
    assert check([source("")._replace(text=text)])[1] != []


def test_an_error_tells_five_hundred_findings_and_counts_the_others() -> None:
    """What a server prints that does not start has to fit into a log."""
    findings = [Finding("p.yaml", line, 1, "policy_value", "no") for line in range(1, 1002)]
    lines = str(PolicyError(findings)).splitlines()
    assert len(lines) == 501
    assert lines[-1] == "and 501 more"


def test_a_wrong_constant_in_the_scope_is_told_once_and_breaks_nothing() -> None:
    """The scope is part of every rule; its wrong test was held against theirs, with a traceback."""
    rules = one('{op: set, presentity: "sip:alice@example.com"}')
    (finding,) = findings(rules, 'scope: {presentity: {prefix: "bob"}}\n')
    assert finding.code == "policy_value"
