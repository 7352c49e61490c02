"""`dfks export`."""

import asyncio
import os
import stat
import sys
from pathlib import Path

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.web.client import ApiError
from tests.helpers.commands import run
from tests.helpers.imports import importing
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import ALICE, BOB, CFA, DND, ON
from tests.helpers.states import forwarding
from tests.helpers.web import api


def _stored() -> MemoryOperations:
    operations = MemoryOperations()
    one = NOTHING_STORED.replace(DND, ON).replace(CFA, forwarding(True, "+4930123"))
    operations.states |= {ALICE: one, BOB: one}
    return operations


async def test_what_is_exported_is_imported_elsewhere(tmp_path: Path) -> None:
    """The two are inverse."""
    file, there = tmp_path / "rows.csv", MemoryOperations()
    async with api(_stored()) as web:
        assert (await run(web.url, "export", "-o", str(file))).exit_code == 0
        shown = await run(web.url, "export")
    async with importing(tmp_path, there), api(there) as web:
        result = await run(web.url, "import", str(file))
        again = await run(web.url, "export")
    assert "4 rows, 4 changed" in result.stdout
    assert shown.stdout == again.stdout == file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_one_domain_is_written_in_either_format() -> None:
    """Nothing where nobody of it is known."""
    async with api(_stored()) as web:
        one = await run(web.url, "export", "--format", "ndjson", "--domain", "example.com")
        none = await run(web.url, "export", "--format", "ndjson", "--domain", "other.example")
    assert one.stdout.splitlines()[0] == (
        '{"presentity":"sip:alice@example.com","feature":"DoNotDisturb","status":"on"}'
    )
    assert none.stdout == ""


async def test_a_file_appears_only_if_it_is_whole(tmp_path: Path) -> None:
    """The one of yesterday stays."""
    file = tmp_path / "rows.csv"
    file.write_text("yesterday")
    result = await run("http://127.0.0.1:9", "export", "-o", str(file))
    assert isinstance(result.exception, ApiError)
    assert file.read_text() == "yesterday"
    assert os.listdir(tmp_path) == ["rows.csv"]
    async with api(_stored()) as web:
        result = await run(web.url, "export", "-o", str(tmp_path / "no" / "rows.csv"))
    assert result.exit_code == 1


async def test_a_full_disk_behind_standard_output_is_told() -> None:
    """In one line; what was written before is not whole."""
    command = [sys.executable, "-m", "dfks_rules", "export", "--url"]
    async with api(_stored()) as web:
        full = os.open("/dev/full", os.O_WRONLY)
        process = await asyncio.create_subprocess_exec(
            *command, web.url, stdout=full, stderr=asyncio.subprocess.PIPE
        )
        os.close(full)
        _, told = await process.communicate()
    assert process.returncode == 1
    assert told == b"Error: cannot write: No space left on device\n"
