"""What files share, and who sees it."""

from contextlib import closing

import pytest

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.read_list import MAX_FINDINGS
from dfks_rules.policy.reading.shared import SharedFiles
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

HEAD = "apiVersion: dfks/v1\nkind: {}\nmetadata: {{name: {}}}\n"
ICS = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART;VALUE=DATE:20260105\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_tenant_sees_its_own_before_what_is_for_all() -> None:
    """And never what is another's."""
    shared = SharedFiles(
        [
            Source("barred.csv", "entry\n+1\n"),
            Source("tenants/a.example/barred.csv", "entry\n+2\n", "a.example"),
            Source("tenants/b.example/own.csv", "entry\n+3\n", "b.example"),
        ]
    )
    seen = {
        tenant: {name: set(one.entries) for name, one in shared.of(tenant).lists.items()}
        for tenant in (None, "a.example", "b.example")
    }
    assert seen == {
        None: {"barred": {"+1"}},
        "a.example": {"barred": {"+2"}},
        "b.example": {"barred": {"+1"}, "own": {"+3"}},
    }
    assert shared.findings == []


def test_two_files_cannot_define_one_name() -> None:
    """Which of them would a rule mean?"""
    shared = SharedFiles(
        [
            Source("a/barred.csv", "entry\n+1\n"),
            Source("b/barred.csv", "entry\n+2\n"),
            Source("v.yaml", HEAD.format("Vars", "v") + "vars: {barred: 1}\n"),
            Source("w.yaml", HEAD.format("Vars", "w") + "vars: {barred: 2}\n"),
        ]
    )
    assert [(one.file, one.code, one.message) for one in shared.findings] == [
        (
            "b/barred.csv",
            "policy_duplicate_name",
            "the name `barred` is already used by `a/barred.csv`",
        ),
        ("w.yaml", "policy_duplicate_name", "the name `barred` is already used by `v.yaml`"),
    ]


def test_rules_use_lists_variables_and_calendars_of_other_files() -> None:
    """By their names."""
    rules = """
        - id: listed
          when: {op: set, user: {in: {list: vips}}, time: {outside: office}}
          then: {deny: "no-work-on-holidays", log: "${vars.word}"}
    """
    head = 'schedules: {office: {weekly: ["Daily 00:00-24:00"], except: [{calendar: days}]}}\n'
    files = [
        source(rules, head),
        Source("vips.csv", "entry\nalice\n"),
        Source("days.ics", ICS),
        Source("v.yaml", HEAD.format("Vars", "v") + "vars: {word: off}\n"),
    ]
    assert check(files).findings == []
    assert load(files) is not None


@pytest.mark.parametrize(
    ("said", "text", "is_denied"),
    [
        ("{prefix: {list: barred}}", "900882161234567", True),
        ("{prefix: {list: barred}}", "9,00 88216 1234567", True),
        ("{in: {list: barred}}", "+44 20 7946 0123 99", True),
        ("{in: {list: barred}}", "+44 20 7946 0124", False),
        # A list of what is allowed is about the riskiest number.
        ("{notIn: {list: barred}}", "+442079460123", False),
        ("{notIn: {list: barred}}", "900442079460123", True),
    ],
)
def test_no_list_of_numbers_is_got_around_by_another_reading(
    said: str, text: str, *, is_denied: bool
) -> None:
    """`0900 88216…` is riskier than the satellite number that is behind the outside digit."""
    rule = f"- {{id: r, when: {{op: set, target.number: {said}}}, then: {{deny: barred}}}}"
    head = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\n"
    plan = f"{head}domains: {{example.com: {{country: GB, outside: '9'}}}}\n"
    listed = Source("barred.csv", "entry\n+88216\n+442079460123\n")
    given = {"op": "set", "feature": "CallForwardingBusy", "request.status": 1}
    view = view_of({**given, "request.forwardTo": text})
    with closing(load([source(rule), listed, Source("n.yaml", plan)])) as policies:
        for decision in (policies.decide_view(view), policies.decide_by_reference(view)):
            assert (decision.denial is not None) is is_denied


def test_names_that_no_file_defines_are_told_with_what_was_meant() -> None:
    """At the place where they stand."""
    rules = """
        - id: r
          when: {op: set, target.number: {prefix: {list: bared}}, time: {during: office}}
          then: {deny: no}
    """
    head = 'schedules: {office: {weekly: ["Daily 00:00-24:00"], except: [{calendar: day}]}}\n'
    files = [
        source(rules, head),
        Source("barred.csv", "entry\n+1\n"),
        Source("days.ics", ICS),
    ]
    assert [finding.message for finding in check(files).findings] == [
        "unknown calendar `day` (did you mean `days`?)",
        "unknown list `bared` (did you mean `barred`?)",
    ]


def wrong(entries: str, file: str = "barred.csv", rules: str | None = None) -> list[str]:
    """What is found in a list and in the policy that tests numbers with it."""
    rules = rules or (
        "- {id: a, when: {op: set, target.number: {prefix: {list: barred}}}, then: {deny: no}}\n"
        "- {id: b, when: {op: set, target.number: {in: {list: barred}}}, then: {deny: no}}\n"
        "- {id: c, when: {op: set}, then: {notify: false}}"
    )
    return list(map(str, check_and_lint([source(rules), Source(file, entries)])[1]))


def test_who_refers_to_a_calendar_that_cannot_be_read_has_made_no_mistake() -> None:
    """One mistake, one finding, on one line."""
    head = 'schedules: {office: {weekly: ["Daily 00:00-24:00"], except: [{calendar: days}]}}\n'
    rules = "- {id: r, when: {op: get, time: {during: office}}, then: {status: 1}}"
    broken = Source("days.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n")
    (finding,) = check([source(rules, head), broken]).findings
    assert finding.code == "policy_calendar"
    assert "\n" not in finding.message


def test_entry_that_no_fact_can_have_is_found_where_it_stands() -> None:
    """Once, however many rules test the list: the file of the list is what has to be mended."""
    why = "is not an E.164 number, like `+4930123456`; p.yaml:5 tests `target.number` with this"
    assert wrong("\ufeffentry,why\n+49,\n0049,x\n\n  0049\n 112,y\n") == [
        f"barred.csv:3:1: `0049` {why} list [policy_value]",
        f"barred.csv:6:2: `112` {why} list [policy_value]",
    ]
    listed = HEAD.format("List", "barred") + 'entries: ["+49", "112"]\n'
    assert wrong(listed, "l.yaml") == [f"l.yaml:4:18: `112` {why} list [policy_value]"]


def test_of_many_wrong_entries_the_first_are_found() -> None:
    """A list of the wrong column is wrong on every line."""
    found = wrong("entry\n" + "".join(f"{number}\n" for number in range(1, 1000)))
    assert len(found) == MAX_FINDINGS
    assert {one.split(":")[1] for one in found} == {str(2 + n) for n in range(MAX_FINDINGS)}
