"""`dfks history`."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.history import LIMIT
from dfks_rules.cli.main import dfks
from dfks_rules.errors import StoreError
from tests.helpers.stored import ALICE, BOB, CFA, DND, OFF, ON, change_file, fill, to


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a past, where the settings are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dfks.yaml").write_text("store: 'sqlite:dfks.db'\n")
    fill(tmp_path / "dfks.db", (ALICE, DND, ON), (BOB, CFA, to("201")), (ALICE, DND, OFF))
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(dfks, ["history", *arguments])


def test_it_says_who_switched_it_on(folder: Path) -> None:
    """The newest is last."""
    result = _run("sip:alice@example.com")
    assert result.exit_code == 0, result.exception
    head, on, off = result.stdout.splitlines()
    assert "presentity" not in head
    assert re.search(
        r"DoNotDisturb +off → on +watcher +sip:alice@example.com  default/store  abc123-17$", on
    )
    assert re.search(r"DoNotDisturb +on → off +watcher ", off)


def test_without_a_presentity_it_is_of_everybody(folder: Path) -> None:
    """What happened last night?"""
    lines = _run().stdout.splitlines()
    assert len(lines) == 4
    assert "sip:bob@example.com" in lines[2]


@pytest.mark.parametrize(
    ("arguments", "seqs"),
    [
        (["bob@example.com"], [2]),
        (["sip:nobody@example.com"], []),
        (["--feature", "DoNotDisturb"], [1, 3]),
        (["--limit", "2"], [2, 3]),
        (["--since", "1h"], [1, 2, 3]),
        (["--since", "2000-01-01"], [1, 2, 3]),
        (["--since", "2000-01-01T03:00", "--limit", "1"], [3]),
        (["--since", "2999-01-01"], []),
    ],
)
def test_changes_are_chosen(folder: Path, arguments: list[str], seqs: list[int]) -> None:
    """For scripts, an object on each line."""
    result = _run("--json", *arguments)
    assert result.exit_code == 0, result.exception
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == seqs


def test_that_there_is_nothing_is_told(folder: Path) -> None:
    """A head without lines looks like a mistake."""
    result = _run("sip:nobody@example.com")
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.startswith("the journal has no such change")
    assert _run("sip:alice@example.com").stderr == ""


def test_what_is_left_out_is_told(folder: Path) -> None:
    """Or somebody believes that nothing happened before."""
    fill(folder / "dfks.db", *((ALICE, CFA, to(str(number))) for number in range(LIMIT)))
    result = _run("sip:alice@example.com")
    assert len(result.stdout.splitlines()) == LIMIT + 1
    assert result.stderr == (
        "older changes are not shown; `--limit 100` or `--since 7d` shows more\n"
    )
    assert len(_run("sip:alice@example.com", "--since", "7d").stdout.splitlines()) == LIMIT + 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["sip:"],
        ["x y@z"],
        ["--since", "soon"],
        ["--since", "999999d"],
        ["--since", "0001-01-01"],
        ["--limit", "0"],
        ["--feature", "Dnd"],
    ],
)
def test_other_arguments_are_a_usage_error(folder: Path, arguments: list[str]) -> None:
    """Not an empty history."""
    assert _run(*arguments).exit_code == 2


def test_no_store_is_an_error(folder: Path) -> None:
    """Not an empty history either."""
    (folder / "dfks.db").unlink()
    assert isinstance(_run().exception, StoreError)


def _follow(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    dfks_ = Path(sys.executable).with_name("dfks")
    command = [str(dfks_), "history", "--follow", "--json", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def _seq(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    seq: int = json.loads(process.stdout.readline())["seq"]
    return seq


@pytest.mark.alone
def test_new_changes_are_printed_within_a_second(folder: Path) -> None:
    """While the server runs, stops, and starts again."""
    with _follow(folder, "sip:alice@example.com") as process:
        assert [_seq(process), _seq(process)] == [1, 3]
        for seq in (4, 6):
            fill(folder / "dfks.db", (ALICE, DND, ON if seq == 4 else OFF), (BOB, DND, ON))
            begun = time.monotonic()
            assert _seq(process) == seq
            assert time.monotonic() - begun < 1
            fill(folder / "dfks.db", (BOB, DND, OFF)) if seq == 6 else None
        process.terminate()


def test_another_store_in_its_place_is_told_and_followed(folder: Path) -> None:
    """After a restore of another store, numbers begin elsewhere."""
    with _follow(folder) as process:
        assert [_seq(process) for _ in range(3)] == [1, 2, 3]
        (folder / "dfks.db").rename(folder / "old.db")
        assert process.stderr is not None
        assert "cannot use" in process.stderr.readline()
        fill(folder / "new.db", (BOB, DND, ON))
        (folder / "new.db").rename(folder / "dfks.db")
        assert "the store was replaced: its newest change is 1" in process.stderr.readline()
        fill(folder / "dfks.db", (BOB, DND, OFF))
        assert _seq(process) == 2
        process.terminate()


def test_changes_that_were_purged_before_they_were_read_are_told(folder: Path) -> None:
    """Else a gap would look as if nothing had happened."""
    with _follow(folder) as process:
        assert [_seq(process) for _ in range(3)] == [1, 2, 3]
        (folder / "dfks.db").rename(folder / "new.db")
        assert process.stderr is not None
        assert "cannot use" in process.stderr.readline()
        fill(folder / "new.db", (BOB, DND, ON), (BOB, DND, OFF), (BOB, DND, ON))
        change_file(folder / "new.db", "DELETE FROM change WHERE seq < 6")
        (folder / "new.db").rename(folder / "dfks.db")
        assert "2 changes were removed before they could be shown" in process.stderr.readline()
        assert _seq(process) == 6
        process.terminate()


def test_a_newer_version_is_told(folder: Path) -> None:
    """Its rows may mean something else."""
    change_file(folder / "dfks.db", "PRAGMA user_version = 99")
    exception = _run().exception
    assert isinstance(exception, StoreError)
    assert exception.code == "store_newer_version"
