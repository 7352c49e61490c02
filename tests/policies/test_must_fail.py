"""Files that an author got wrong give exactly the findings that they say in their first lines.

To add one, put a file into a folder of `must_fail`; or a folder, when the mistake is one of several
files together or of a file of cases. Each finding is a line `# expect: ` and what
`dfks policy check` prints after the name of the file; for a file that has no comments they stand in
a file beside it, with `.expect` after its name.
"""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.app.desk.policies import read_files
from dfks_rules.cli.main import dfks
from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.codes import CODES
from tests.helpers.published import ROOT

MUST_FAIL = ROOT / "tests/policies/must_fail"
WRONG = sorted(path for path in MUST_FAIL.glob("*/*"))
_EXPECT = re.compile(r"^\ufeff?# expect: (.*?)\r?$", re.MULTILINE)


def name(path: Path) -> str:
    """Of a test."""
    return f"{path.parent.name}-{path.stem}"


def expected(path: Path) -> list[str]:
    """The findings that a file, or the files of a folder, say they have, as they are printed."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    home = path if path.is_dir() else path.parent
    lines: list[str] = []
    for file in files:
        named = str(file.relative_to(home)).removesuffix(".expect")
        found = _EXPECT.findall(file.read_text(encoding="utf-8", errors="replace"))
        lines += (f"{named}:{'' if one[0].isdigit() else ' '}{one}" for one in found)
    return lines


def check(monkeypatch: pytest.MonkeyPatch, path: Path, *options: str) -> Result:
    """`dfks policy check` on a file or folder, with files named from there."""
    monkeypatch.chdir(path if path.is_dir() else path.parent)
    name = "." if path.is_dir() else path.name
    return CliRunner().invoke(dfks, ["policy", "check", *options, name])


@pytest.mark.parametrize("path", WRONG, ids=name)
def test_what_is_wrong_with_a_file_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more and no less, each with its place: authors mend what they are told of."""
    told = check(monkeypatch, path, *(["--complete"] if path.parent.name == "complete" else []))
    lines = told.output.splitlines()
    findings = [line for line in lines if re.match(r"\S+(:\d+:\d+)?: (error|warning): ", line)]
    assert findings == expected(path)
    assert findings
    assert told.exit_code == (3 if any(": error: " in line for line in findings) else 0)


@pytest.mark.parametrize(
    "path", [path for path in WRONG if path.parent.name not in ("cases", "proofs")], ids=name
)
def test_the_server_refuses_what_has_errors_and_takes_what_has_warnings(path: Path) -> None:
    """What the check calls an error is what stops a reload."""
    if any(": error: " in line for line in expected(path)):
        with pytest.raises(PolicyError):
            load(read_files([path]).sources)
    else:
        load(read_files([path]).sources).close()


def test_warnings_fail_when_they_are_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a gate before a merge."""
    path = MUST_FAIL / "lint/duplicate-rule.yaml"
    assert check(monkeypatch, path).exit_code == 0
    assert check(monkeypatch, path, "--strict").exit_code == 3


def test_every_code_has_a_file_that_gives_it() -> None:
    """A code that nothing gives is one that nobody has seen."""
    lines = [line for path in WRONG for line in expected(path)]
    of_proofs = {"policy_proof_refuted", "policy_vacuous_proof", "policy_proof_open"}
    told = {line.rpartition("[")[2].rstrip("]") for line in lines}
    assert told == set(CODES) - of_proofs  # only a server says what became of proofs
