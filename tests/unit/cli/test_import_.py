"""`dfks import`."""

import asyncio
import csv
from pathlib import Path

import pytest

from dfks_rules.web.client import ApiError
from tests.helpers.commands import run
from tests.helpers.imports import HEAD, importing, until
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.policy import ALICE, DND
from tests.helpers.web import api

_REFUSED = f"bob@example.com,CallForwardingAlways,on,{REFUSED_TARGET}\n"
_ALICE = f"{HEAD}alice@example.com,DoNotDisturb,on,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of one row, which nobody refuses."""
    path = tmp_path / "rows.csv"
    _write(path, _ALICE)
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_an_import_shows_progress_and_says_what_came_of_it(
    tmp_path: Path, file: Path
) -> None:
    """Lines on standard error where there is no terminal; the sum on standard output."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations), api(operations) as web:
        result = await run(web.url, "import", str(file))
    assert result.exit_code == 0, result.exception
    assert "done: 1 row, 1 changed, 0 unchanged, 0 refused, 0 unusable" in result.stdout
    assert "import: 100 %, 1 row, 0 refused or unusable\n" in result.stderr
    assert operations.states[ALICE].state(DND).status


async def test_refusals_are_listed_and_set_the_exit_code(tmp_path: Path, file: Path) -> None:
    """The other rows are set."""
    _write(file, f"{_ALICE}{_REFUSED}nonsense\n")
    operations = MemoryOperations()
    async with importing(tmp_path, operations), api(operations) as web:
        result = await run(web.url, "import", str(file))
    assert result.exit_code == 4
    assert result.stdout.splitlines()[1:] == [
        "row 2: sip:bob@example.com CallForwardingAlways: Forwarding there is not allowed "
        "(toll-fraud, by default/no-premium)",
        "row 3: 1 cells, but the first line has 4",
    ]
    assert ALICE in operations.states


async def test_all_refusals_can_be_written_to_a_file(tmp_path: Path, file: Path) -> None:
    """For whoever has to mend the rows."""
    _write(file, f"{HEAD}{_REFUSED * 25}")
    report = tmp_path / "report.csv"
    operations = MemoryOperations()
    async with importing(tmp_path, operations), api(operations) as web:
        shown = await run(web.url, "import", str(file))
        await run(web.url, "import", str(file), "--report", str(report))
    assert len(shown.stdout.splitlines()) == 1 + 20 + 1
    with report.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 26)]
    assert rows[0]["reason"] == "toll-fraud"


async def test_a_dry_run_sets_nothing(tmp_path: Path) -> None:
    """From standard input, which has no suffix."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations), api(operations) as web:
        arguments = ("import", "-", "--format", "csv", "--dry-run")
        result = await run(web.url, *arguments, stdin=_ALICE.encode())
    assert "1 would change" in result.stdout
    assert operations.states == {}


async def test_an_import_is_followed_again(tmp_path: Path, file: Path) -> None:
    """Whoever closed the terminal finds it; another file is not taken for it."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:
        await run(web.url, "import", str(file))
        id_ = jobs.own()[0].id
        again = await run(web.url, "import", "--resume", id_)
        same = await run(web.url, "import", str(file), "--resume", id_)
        _write(file, f"{_ALICE}{_REFUSED}")
        other = await run(web.url, "import", str(file), "--resume", id_)
        nothing = await run(web.url, "import", "--resume", "77")
    assert again.exit_code == same.exit_code == 0
    assert again.stdout == same.stdout
    assert (other.exit_code, "is of another file" in other.stderr) == (1, True)
    assert isinstance(nothing.exception, ApiError)
    assert len(jobs.own()) == 1


async def test_an_import_is_cancelled_while_somebody_follows_it(tmp_path: Path, file: Path) -> None:
    """Both are told."""
    rows = "".join(f"u{number}@example.com,DoNotDisturb,on,\n" for number in range(500))
    _write(file, HEAD + rows)
    operations = MemoryOperations()
    async with importing(tmp_path, operations, rate=50) as jobs, api(operations) as web:
        following = asyncio.create_task(run(web.url, "import", str(file)))
        await until(lambda: any(one.rows for one in jobs.own()))
        cancelled = await run(web.url, "import", "--cancel", jobs.own()[0].id)
        followed = await following
    assert (cancelled.exit_code, followed.exit_code) == (0, 1)
    assert " cancelled: " in cancelled.stdout
    assert " cancelled: " in followed.stdout


@pytest.mark.parametrize("arguments", [[], ["rows.txt"]])
async def test_a_file_that_nobody_names_is_a_usage_error(arguments: list[str]) -> None:
    """Also one whose name does not say how it is written."""
    assert (await run("http://127.0.0.1:9", "import", *arguments)).exit_code == 2


async def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Nothing is sent."""
    result = await run("http://127.0.0.1:9", "import", str(tmp_path / "no.csv"))
    assert (result.exit_code, "No such file" in result.stderr) == (1, True)
