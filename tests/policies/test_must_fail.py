"""Files that an author got wrong give exactly the findings that they say in their first lines.

To add one, put a file into a directory of `must_fail`; or a directory, when the mistake is one of
several files together, or of a file of cases, which has to be called `cases.yaml`. Each finding is
a line `# expect: ` and what `dfks policy check` prints after the name of the file.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.app.policies import load_policies
from dfks_rules.cli.main import dfks
from dfks_rules.errors import PolicyError
from dfks_rules.policy.cases import is_cases_file
from dfks_rules.policy.codes import CODES
from tests.helpers.published import ROOT

MUST_FAIL = ROOT / "tests/policies/must_fail"
WRONG = sorted(path for path in MUST_FAIL.glob("*/*"))
_EXPECT = re.compile(r"^\ufeff?# expect: (.*?)\r?$", re.MULTILINE)


def name(path: Path) -> str:
    """Of a test."""
    return f"{path.parent.name}-{path.stem}"


def files_of(path: Path) -> list[Path]:
    """One file, or those of a directory in the order in which the server reads them."""
    return sorted(path.iterdir()) if path.is_dir() else [path]


def expected(path: Path) -> list[str]:
    """The findings that a file says it has, as they are printed."""
    text = path.read_text(encoding="utf-8", errors="replace")
    findings = _EXPECT.findall(text)
    return [f"{path.name}:{'' if f[0].isdigit() else ' '}{f}" for f in findings]


def check(monkeypatch: pytest.MonkeyPatch, files: Sequence[Path], *options: str) -> Result:
    """`dfks policy check` on files of one directory, which are named without it."""
    monkeypatch.chdir(files[0].parent)
    return CliRunner().invoke(dfks, ["policy", "check", *options, *(path.name for path in files)])


@pytest.mark.parametrize("path", WRONG, ids=name)
def test_what_is_wrong_with_a_file_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more and no less, each with its place: authors mend what they are told of."""
    files = files_of(path)
    told = check(monkeypatch, files)
    findings = [
        line for line in told.output.splitlines() if re.match(r"\S+(:\d+:\d+)?: (err|warn)", line)
    ]
    wanted = [line for file in files for line in expected(file)]
    assert findings == wanted
    assert wanted
    assert told.exit_code == (3 if any(": error: " in line for line in wanted) else 0)


@pytest.mark.parametrize("path", WRONG, ids=name)
def test_the_server_refuses_what_has_errors_and_takes_what_has_warnings(path: Path) -> None:
    """What the check calls an error is what stops a reload."""
    files = [file for file in files_of(path) if not is_cases_file(file.name)]
    errors = [line for file in files for line in expected(file) if "error: " in line]
    if errors:
        with pytest.raises(PolicyError):
            load_policies(files)
    else:
        load_policies(files).close()


def test_warnings_fail_when_they_are_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a gate before a merge."""
    files = [MUST_FAIL / "lint/duplicate-rule.yaml"]
    assert check(monkeypatch, files).exit_code == 0
    assert check(monkeypatch, files, "--strict").exit_code == 3


def test_every_code_has_a_file_that_gives_it() -> None:
    """A code that nothing gives is one that nobody has seen."""
    lines = [line for path in WRONG for file in files_of(path) for line in expected(file)]
    assert {line.rpartition("[")[2].rstrip("]") for line in lines} == set(CODES)
