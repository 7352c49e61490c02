"""The policies that we ship decide what their cases say; cases that must fail do fail."""

import re
from pathlib import Path

import pytest

from dfks_rules.app.desk.policies import read_files
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import CaseResult, is_cases_file, parse_cases, run_cases
from tests.helpers.published import ROOT

SHIPPED = sorted((ROOT / "policies").rglob("cases.yaml"))
MUST_FAIL = sorted((ROOT / "tests/policies/must_fail").glob("*.yaml"))
FILES = sorted((ROOT / "policies").rglob("*.yaml"))


def source(path: Path) -> Source:
    """A file as the server would read it."""
    return Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def results(path: Path) -> list[CaseResult]:
    """The cases of one file, run against the policies that it names."""
    cases = parse_cases(source(path))
    named = [(path.parent / name).resolve() for name in cases.policies]
    policies = load(read_files(named).sources)
    try:
        return run_cases(cases, policies)
    finally:
        policies.close()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_policies_decide_what_their_cases_say(path: Path) -> None:
    """An example that does not do what it says teaches the wrong thing."""
    failed = {result.case.name: result.differences for result in results(path)}
    assert {name: differences for name, differences in failed.items() if differences} == {}


def test_every_shipped_policy_has_cases() -> None:
    """Policies without cases are not shipped."""
    directories = {path.parent for path in FILES if not is_cases_file(path.name)}
    assert directories == {path.parent for path in SHIPPED}
    assert {path.name for path in directories} == {
        "boss-secretary",
        "bosses",
        "business-hours",
        "call-centre",
        "default",
        "emergency-numbers",
        "exception",
        "exclusive-features",
        "for-a-while",
        "guest-phones",
        "presence-dfks",
        "reception",
        "star-codes",
        "storm-control",
        "supervisor",
        "tenant-defaults",
        "toll-fraud",
    }


DIFFERENCES = {
    "wrong decision": ["decision: expected deny, got allow"],
    "wrong status": ["status: expected 0, got 1"],
    "wrong value": ["values.forwardTo: expected sip:b@example.com, got sip:a@example.com"],
    "wrong rule": [
        "by.status: expected default/store-what-is-asked, got default/tell-what-is-stored"
    ],
    "a rule too many": [
        "matched: expected [default/tell-what-is-stored, default/store-what-is-asked], "
        "got [default/tell-what-is-stored]"
    ],
    "wrong reason": ["reason: expected not-my-presentity, got not-your-presentity"],
    "right decision for the wrong reason": ["reason: expected toll-fraud, got read-only"],
    "right decision, wrong scope of notify": ["notify: expected true, got requester"],
}
"""Name of each case that must fail → what is told of it."""


def test_cases_that_must_fail_do_for_the_right_reason() -> None:
    """A runner that passes everything, or fails everything, would be found here."""
    found = {
        result.case.name: list(result.differences) for path in MUST_FAIL for result in results(path)
    }
    assert found == DIFFERENCES


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shipped_files_name_their_schema(path: Path) -> None:
    """So that an editor completes and explains them."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    (kind,) = re.findall(r"^kind: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()
    assert (path.parent / schema).resolve() == ROOT / f"schemas/{name}.schema.json"
