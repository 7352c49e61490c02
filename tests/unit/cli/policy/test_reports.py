"""The four forms of a report."""

import json
from typing import Any

import pytest

from dfks_rules.cli.policy.reports import FORMATS, Report, as_json, gap_table, github, human, sarif
from dfks_rules.errors import Finding
from dfks_rules.policy.language.document import AllOf, Effects, Rule
from dfks_rules.policy.lint.gaps import Gap
from dfks_rules.policy.studying.redundant import Examined
from dfks_rules.yaml.tree import Place

ERROR = Finding("a b/p.yaml", 2, 3, "policy_value", "`7` is not one of `0`, `1`")
WARNING = Finding("q.yaml", 1, 1, "policy_shadowed", "50% dead, really: `x`", "warning")
WHOLE = Finding("r.yaml", 0, 0, "policy_unreadable", "cannot read the policy file: gone")
TEXTS = {"a b/p.yaml": "x: 1\nü\t7\r\n", "q.yaml": "y", "z.yaml": ""}
REPORT = Report([ERROR, WARNING, WHOLE], TEXTS, [])
GAP = Gap("set", "DoNotDisturb", 2, 0, 1, (), ("status",))


def test_people_see_the_line_and_the_place() -> None:
    """A finding about a whole file has no line."""
    assert human(REPORT).splitlines() == [
        "a b/p.yaml:2:3: error: `7` is not one of `0`, `1` [policy_value]",
        "    2 | ü 7",
        "      |   ^",
        "q.yaml:1:1: warning: 50% dead, really: `x` [policy_shadowed]",
        "    1 | y",
        "      | ^",
        "r.yaml: error: cannot read the policy file: gone [policy_unreadable]",
        "2 errors, 1 warning in 4 files",
    ]


def test_long_lines_are_cut_around_the_place() -> None:
    """A list of 500 numbers on one line must not fill the screen."""
    finding = ERROR._replace(file="p", line=1, column=3001)
    text = "a" * 3000 + "!" + "b" * 3000
    _, line, caret, _ = human(Report([finding], {"p": text}, [])).splitlines()
    assert len(line) < 130
    assert line[caret.index("^")] == "!"


def test_control_characters_do_not_reach_the_terminal() -> None:
    """A file may hold anything."""
    finding = ERROR._replace(file="p", line=1, column=1)
    assert "\x1b" not in human(Report([finding], {"p": "\x1b[2J\x00"}, []))


def test_a_place_outside_the_file_has_no_excerpt() -> None:
    """The end of a file is one past its last line."""
    finding = ERROR._replace(file="p", line=9)
    assert len(human(Report([finding], {"p": "x"}, [])).splitlines()) == 2


@pytest.mark.parametrize(
    ("report", "counts"),
    [
        (Report([], {"p": "", "q": ""}, []), "2 files OK"),
        (Report([], {"p": ""}, []), "1 file OK"),
        (Report([ERROR], {}, []), "1 error in 1 file"),
        (Report([WARNING, WARNING], {}, []), "2 warnings in 1 file"),
    ],
)
def test_the_last_line_counts(report: Report, counts: str) -> None:
    """What one looks at first."""
    assert human(report).splitlines()[-1] == counts
    assert github(report).splitlines()[-1] == counts


def test_json_has_every_field_and_a_link() -> None:
    """For programs that we do not know."""
    told = json.loads(as_json(REPORT._replace(gaps=[GAP])))
    assert told["files"] == 4
    assert told["findings"][0] == {
        **ERROR._asdict(),
        "help": "https://dfks-rules.example/docs/reference/findings.md#policy_value",
    }
    assert told["gaps"][0]["otherwise"] == "where no rule matches: the requested state is stored"
    assert "gaps" not in json.loads(as_json(REPORT))


def test_sarif_has_rules_levels_and_places() -> None:
    """As OASIS SARIF 2.1.0 §3.27, §3.29 and §3.49 have them; a file is named by a URI."""
    told: dict[str, Any] = json.loads(sarif(REPORT))
    assert (told["version"], len(told["runs"])) == ("2.1.0", 1)
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [
        "policy_shadowed",
        "policy_unreadable",
        "policy_value",
    ]
    assert rules[0]["helpUri"].endswith("findings.md#policy_shadowed")
    error, warning, whole = run["results"]
    assert rules[error["ruleIndex"]]["id"] == error["ruleId"] == "policy_value"
    assert (error["level"], warning["level"]) == ("error", "warning")
    assert error["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/p.yaml"},
        "region": {"startLine": 2, "startColumn": 3},
    }
    # A line is 1 or more: a finding about a whole file has no region.
    assert "region" not in whole["locations"][0]["physicalLocation"]


def test_sarif_names_absolute_files_by_a_file_uri() -> None:
    """A bare path is no URI."""
    told = json.loads(sarif(Report([ERROR._replace(file="/etc/dfks/p.yaml")], {}, [])))
    location = told["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "file:///etc/dfks/p.yaml"


def test_github_gets_commands_with_everything_escaped() -> None:
    """A percent sign or a comma would end the message or the property."""
    odd = ERROR._replace(file="a,b:c%.yaml", message="100%\r\nsure")
    assert github(Report([odd, WARNING, WHOLE], {}, [])).splitlines() == [
        "::error file=a%2Cb%3Ac%25.yaml,title=policy_value,line=2,col=3::100%25%0D%0Asure",
        "::warning file=q.yaml,title=policy_shadowed,line=1,col=1::50%25 dead, really: `x`",
        "::error file=r.yaml,title=policy_unreadable::cannot read the policy file: gone",
        "2 errors, 1 warning in 3 files",
    ]


def test_every_form_can_tell_nothing() -> None:
    """A pipeline runs it on files without findings most of the time."""
    for render in FORMATS.values():
        assert render(Report([], {"p": ""}, []))


def test_the_table_of_gaps_is_aligned() -> None:
    """Read at three in the morning."""
    head, row = gap_table([GAP]).splitlines()
    assert row.index("where no rule matches") == head.index("otherwise")
    assert row.startswith("set  DoNotDisturb  2")


LEFT = Examined("q.yaml", Place(7, 5), Rule("q/r", AllOf(()), Effects()))


def test_rules_that_there_was_no_time_for_are_told_and_counted() -> None:
    """They are neither errors nor warnings."""
    report = Report([WARNING], TEXTS, [], [LEFT])
    assert human(report).splitlines()[-2:] == [
        "q.yaml:7: rule `r`: not decided in time whether it changes anything",
        "1 warning, 1 rule not decided in 3 files",
    ]
    assert human(Report([], TEXTS, [], [LEFT] * 2)).endswith("3 files OK, 2 rules not decided")
    assert json.loads(as_json(report))["notDecided"] == [
        {"file": "q.yaml", "line": 7, "rule": "q/r"}
    ]
    assert json.loads(sarif(report))["runs"][0]["properties"] == {"notDecided": 1}
    assert github(report).splitlines()[-1] == "1 warning, 1 rule not decided in 3 files"
