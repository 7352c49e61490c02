"""The table of codes, the source that uses them, and the page that explains them."""

import re
from datetime import date
from typing import get_args

import pytest

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.proof_files import tried
from dfks_rules.cli.policy.reports import Report, human
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.codes import CODES
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases
from dfks_rules.policy.studying.redundant import redundant
from dfks_rules.yaml.tree import Flaw
from tests.helpers.policy import source
from tests.helpers.published import ROOT

PAGE = (ROOT / "docs/reference/findings.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^## (policy_\w+)\n(.*?)(?=^## policy|^# [A-Z]|\Z)", PAGE, re.DOTALL | re.MULTILINE)
)
TODAY = date(2026, 1, 5)
EXCEPTIONS = {
    "policy_invalid",  # exceptions, which are about no place in a file
    "policy_engine",
    "policy_closed",
    "policy_facts_missing",  # files of facts, which the check does not read
    "policy_layout",  # said by the formatter
}
"""Codes that `dfks policy check` never tells."""
CHECKED = [code for code in CODES if code != "policy_unreadable"]
"""Codes of findings about what stands in files."""


def findings(blocks: list[str]) -> list[Finding]:
    """What is said of files with these contents; rules alone are made a file of."""
    sources = [_source(n, block) for n, block in enumerate(blocks)]
    if "kind: PolicyTest" in blocks[0]:
        try:
            parse_cases(sources[0])
        except PolicyError as error:
            return error.findings
        return []
    proofs = tuple(one for one in sources if "kind: PolicyProof" in one.text)
    policies = tuple(one for one in sources if one not in proofs)
    if proofs:
        return tried(PolicyFiles(policies, (), proofs), 60.0)
    return check_and_lint(policies, TODAY)[1]


def _source(number: int, block: str) -> Source:
    if "numbers\n" in block:
        return Source(f"{number}.csv", block)
    if block.startswith("BEGIN:VCALENDAR"):
        return Source("holidays.ics", block)
    if "apiVersion" in block:
        return Source(f"{number}.yaml", block, _tenant(block))
    return source(block)


def _tenant(block: str) -> str | None:
    """Whose file an example is; it says so in its first line."""
    found = re.match(r"# tenants/(.*?)/", block)
    return found and found[1]


def blocks(code: str, mark: str = "") -> list[str]:
    """The examples in the section of a code."""
    return re.findall(
        rf"^```(?:yaml|csv|ics){mark}\n(.*?)^```", SECTIONS[code], re.DOTALL | re.MULTILINE
    )


def test_every_code_in_the_source_is_in_the_table() -> None:
    """A code that the table lacks has no title, and SARIF nothing to say of it."""
    room = ROOT / "dfks_rules"
    desk = [room / "app/desk" / name for name in ("policies.py", "proof_files.py")]
    files = [*room.glob("policy/**/*.py"), *desk]
    text = "\n".join(path.read_text("utf-8") for path in files)
    used = set(re.findall(r'"(policy_[a-z_]+)"', text)) - EXCEPTIONS
    words = re.findall(r"_KEYS = (\{.*?\})", text)[0]
    used |= {f"policy_unknown_{word}" for word in ["key", *re.findall(r': "(\w+)"', words)]}
    used |= {f"policy_{flaw}" for flaw in get_args(Flaw)}
    assert used == set(CODES)


def test_every_code_has_a_section_in_the_order_of_the_table() -> None:
    """`helpUri` leads there."""
    assert list(SECTIONS) == list(CODES)


def test_errors_and_warnings_have_their_parts_of_the_page() -> None:
    """A reader has to know what stops a reload."""
    warnings = PAGE[PAGE.index("\n# Warnings") :]
    for code, row in CODES.items():
        assert (f"## {code}\n" in warnings) == (row.severity == "warning"), code


@pytest.mark.parametrize("code", CHECKED)
def test_every_example_gives_the_finding_that_it_is_an_example_of(code: str) -> None:
    """And no other."""
    assert blocks(code)
    found = findings(blocks(code))
    if code == "policy_redundant":
        found = redundant([_source(0, blocks(code)[0])], Horizon())
    assert [finding.code for finding in found] == [code]
    assert found[0].severity == CODES[code].severity


@pytest.mark.parametrize("code", CHECKED)
def test_what_is_better_gives_no_finding(code: str) -> None:
    """In place of the first blocks of the example."""
    better = blocks(code, " no finding")
    assert better
    assert [str(one) for one in findings([*better, *blocks(code)[len(better) :]])] == []
    _, _, advice = SECTIONS[code].rpartition("Better:\n\n```")
    assert advice.count("```") == 2 * len(better) - 1


def test_the_example_of_an_allowance_gives_no_finding() -> None:
    """It would be given without the comment."""
    (example,) = re.findall(r"```yaml\n(  - id: closed.*?)```", PAGE, re.DOTALL)
    assert findings([example]) == []
    (finding,) = findings([example.replace("# dfks:", "#")])
    assert finding.code == "policy_always_matches"


def test_the_output_in_the_page_is_real() -> None:
    """A reader compares it with a screen."""
    file = source("- id: r\n  when: {featture: DoNotDisturb}\n  then: {status: 0}\n")
    _, found = check_and_lint([file])
    assert f"```\n{human(Report(found, {file.file: file.text}, []))}\n```" in PAGE
