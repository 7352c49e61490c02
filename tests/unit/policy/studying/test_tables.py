"""Tables of cases."""

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.studying import tables
from dfks_rules.policy.studying.cases import CaseFile, parse_cases
from dfks_rules.policy.studying.tables import MAX_CASES, expanded

HEAD = "apiVersion: dfks/v1\nkind: PolicyTest\npolicies: [p.yaml]\ntests:\n"
ROWS = "    table:\n      - {who: bob, told: 1}\n      - {who: carol, groups: [sales, export]}\n"
CASE = "    given: {op: get, feature: DoNotDisturb, user: {row: who}, groups: {row: groups}}\n"
EXPECT = "    expect: {decision: allow, status: {row: told}}\n"


def parsed(rest: str, name: str = "c") -> CaseFile:
    """The cases of a file with one case, which stands on line 5; its table on line 6."""
    return parse_cases(Source("cases.yaml", f"{HEAD}  - name: {name}\n{rest}"))


def found(rest: str, name: str = "c") -> list[str]:
    """What is wrong with it."""
    with pytest.raises(PolicyError) as caught:
        parsed(rest, name)
    return [str(finding) for finding in caught.value.findings]


def test_each_row_is_a_case_with_its_values() -> None:
    """What a row does not have is left out; failures point at the row."""
    first, second = parsed(ROWS + CASE + EXPECT).cases
    assert (first.name, first.line) == ("c {who: bob, told: 1}", 7)
    assert (second.name, second.line) == ("c {who: carol, groups: [sales, export]}", 8)
    assert first.view.request.presentity.user == "bob"
    assert (first.expect, second.expect) == (
        {"decision": "allow", "status": 1},
        {"decision": "allow"},
    )
    assert dict(second.view.given) == {"groups": ("sales", "export")}


def test_a_name_may_say_where_the_row_stands_in_it() -> None:
    """Then nothing is added to it."""
    rest = (
        "    table: [{n: 1}, {n: 2}]\n    given: {op: subscribe}\n    expect: {decision: allow}\n"
    )
    names = [case.name for case in parsed(rest, '"try ${row.n} of 2"').cases]
    assert names == ["try 1 of 2", "try 2 of 2"]


def test_a_row_may_be_skipped_and_texts_may_hold_values() -> None:
    """Like anything else in a case."""
    rest = (
        "    table: [{who: bob, why: later}, {who: carol}]\n    skip: {row: why}\n"
        '    given: {op: subscribe, presentity: "sip:${row.who}@a.example"}\n'
        "    expect: {decision: allow}\n"
    )
    cases = parsed(rest).cases
    assert [(case.skip, case.view.request.presentity.uri) for case in cases] == [
        ("later", "sip:bob@a.example"),
        (None, "sip:carol@a.example"),
    ]


@pytest.mark.parametrize(
    ("rest", "finding"),
    [
        (
            "    table: [{who: bob}]\n    given: {op: subscribe, user: {row: whom}}\n"
            "    expect: {decision: allow}\n",
            "7:40: `table` has no column `whom` (did you mean `who`?) [policy_case]",
        ),
        (
            "    table: [{who: bob}]\n    given: {op: subscribe}\n    expect: {decision: allow}\n",
            "6:12: column `who` of `table` is never used [policy_case]",
        ),
        (
            "    table: [{a: b}, {c: d}]\n    given: {op: subscribe, user: '${row.a}${row.c}'}\n"
            "    expect: {decision: allow}\n",
            "6:13: row has no `c`, which a text needs [policy_case]",
        ),
        (
            "    table:\n      - {on: 2}\n"
            "    given: {op: subscribe, stored.status: {row: on}}\n"
            "    expect: {decision: allow}\n",
            "7:14: `2` is not one of `0`, `1` [policy_value]",
        ),
        (
            "    table: {a: b}\n    given: {op: subscribe}\n    expect: {decision: allow}\n",
            '6:12: `table` must be a list, not `{"a": "b"}` [policy_type]',
        ),
        (
            "    table: [{a_b: c}]\n    given: {op: subscribe}\n    expect: {decision: allow}\n",
            "6:13: `a_b` is not a name of at most 31 letters, digits and `-`, a letter first "
            "[policy_value]",
        ),
        (
            "    table: [{v: {forwardTo: 1}}]\n    given: {op: subscribe}\n"
            "    expect: {values: {row: v}}\n",
            '6:17: `v` must be text, not `{"forwardTo": 1}` [policy_type]',
        ),
        (
            "    given: {op: subscribe, user: {row: a}}\n    expect: {decision: allow}\n",
            '6:34: `user` must be text, not `{"row": "a"}` [policy_type]',
        ),
    ],
)
def test_mistakes_are_found_where_they_are(rest: str, finding: str) -> None:
    """In the row, if its value is wrong; in the case, if that uses it wrongly."""
    assert f"cases.yaml:{finding}" in found(rest)


def test_a_mistake_of_the_case_is_told_once() -> None:
    """Not once for each row."""
    rest = "    table: [{n: 1}, {n: 2}]\n    given: {op: sub}\n    expect: {decision: allow}\n"
    (finding,) = found(rest, '"${row.n}"')
    assert "`sub` is not one of" in finding


def test_rows_count_as_cases_and_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short file must not become a huge one."""
    rest = "    given: {op: subscribe, user: {row: n}}\n    expect: {decision: allow}\n"
    case = f"    table: [{', '.join(['{n: a}'] * 400)}]\n{rest}"
    many = "".join(f"  - name: c\n{case}" for _ in range(3))
    tree, _ = parse(Source("cases.yaml", HEAD + many))
    assert tree is not None
    assert [one.message for one in expanded(tree)[1]] == [
        f"tables make more than {MAX_CASES} cases"
    ]
    monkeypatch.setattr(tables, "MAX_COPIED", 100)
    assert found(case) == [
        "cases.yaml:5:5: tables put more than 100 values into the file [policy_limit]"
    ]
