"""Reports of cases."""

from xml.etree import ElementTree

from dfks_rules.cli.policy.case_report import RanCase, Run, junit
from dfks_rules.policy.studying.coverage import Coverage


def test_junit_holds_each_case_with_any_name() -> None:
    """A name may hold what XML cannot write."""
    report = Run(Coverage(), 0)
    report.cases = [
        RanCase("cases.yaml", 6, "good", (), []),
        RanCase("cases.yaml", 9, "<off> & \x07", ("status: expected 0, got 1",), ["matched: p/on"]),
    ]
    suite = ElementTree.fromstring(junit(report))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    names = [case.get("name") for case in suite]
    assert names == ["good", "<off> & \N{REPLACEMENT CHARACTER}"]
    assert suite[1][0].text == "status: expected 0, got 1\nmatched: p/on"


def test_what_is_wrong_besides_is_a_failure_too() -> None:
    """A build server must not be green without cases."""
    report = Run(Coverage(), 0)
    report.untested = ["p.yaml"]
    assert report.problems == ["no cases to run", "p.yaml: policy has no case"]
    assert not report.good
    suite = ElementTree.fromstring(junit(report))  # noqa: S314 - our own
    assert [case.get("name") for case in suite] == report.problems
