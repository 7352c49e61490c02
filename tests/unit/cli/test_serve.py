"""`dfks serve`: which settings it takes, what it prints, and how its start ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.cli.serve import _banner, _program
from dfks_rules.config.cluster import ClusterSettings
from dfks_rules.errors import ConfigError
from dfks_rules.operations.policies import FailureRow, PolicyListing, PolicyRow

LISTING = PolicyListing("5e1f", (PolicyRow("p.yaml", "default", 1),))
SIP, MI = "sip udp:127.0.0.1:5060", "mi  http://127.0.0.1:8888/mi"


def _lines(file: str | None, *addresses: str, listing: PolicyListing = LISTING) -> list[str]:
    return list(_banner([*addresses], Path(file) if file else None, listing))


def test_banner_names_the_settings_and_what_to_type_next() -> None:
    """`dfks mi` finds `dfks.yaml` by itself."""
    lines = _lines("dfks.yaml", SIP, MI)
    assert lines[:5] == [
        "dfks-rules is running",
        f"  {SIP}",
        f"  {MI}",
        "settings: dfks.yaml",
        "policies (revision 5e1f): default",
    ]
    assert lines[-1].endswith(" mi dfks_set_feature sip:alice@127.0.0.1 DoNotDisturb 1")


@pytest.mark.parametrize(
    ("wildcard", "hint"),
    [("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")],
)
def test_hint_for_a_wildcard_is_an_address_of_this_machine(wildcard: str, hint: str) -> None:
    """Nothing can be sent to the wildcard itself."""
    phone, mi = _lines("dfks.yaml", f"sip udp:{wildcard}:5060", MI)[-2:]
    assert f" phone sip:alice@{hint}:5060 " in phone
    assert f" sip:alice@{hint} " in mi


def test_hint_carries_the_settings_where_they_are_elsewhere() -> None:
    """Without `--config` it would fail, or reach another server."""
    hint = _lines("/etc/my dfks.yaml", SIP, MI)[-1]
    assert " mi --config '/etc/my dfks.yaml' dfks_set_feature sip:alice@127.0.0.1 " in hint


def test_banner_hints_at_no_door_that_is_closed() -> None:
    """Without settings there is no management interface."""
    lines = _lines(None, SIP)
    assert "settings: defaults and environment (no dfks.yaml here)" in lines
    assert "phone sip:alice@127.0.0.1:5060 --watch" in lines[-1]


def test_banner_hints_at_the_password_where_phones_have_one() -> None:
    """A phone's address has the users' domain, not that of the machine."""
    phone, mi = list(_banner([SIP, MI], None, LISTING, "example.com"))[-2:]
    assert "phone sip:alice@example.com --server 127.0.0.1:5060 --password-stdin --watch" in phone
    assert mi.endswith(" mi dfks_set_feature sip:alice@example.com DoNotDisturb 1")


def test_banner_of_a_node_says_whose_it_is() -> None:
    """Two nodes of one database, or one of each of two? Without its password."""
    url = "postgresql://dfks:secret@db.example.com/dfks"
    cluster = ClusterSettings(url=url, name="node-1", lease=2.0, grace=120.0)
    lines = list(_banner([SIP, MI], None, LISTING, cluster=cluster))
    assert "node node-1 of postgresql://dfks:********@db.example.com/dfks" in lines


def test_banner_says_when_the_files_are_broken() -> None:
    """Old policies decide, and whoever started the server must know."""
    failure = FailureRow("2026-01-05", "start", ("p.yaml:1:1: no",))
    lines = _lines("dfks.yaml", SIP, MI, listing=LISTING._replace(failure=failure))
    position = lines.index("THE POLICY FILES ARE BROKEN; using the last good ones:")
    assert lines[position + 1] == "  p.yaml:1:1: no"


@pytest.mark.parametrize("link", [False, True])
def test_settings_beside_the_operator_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, link: bool
) -> None:
    """`config check` and `mi` read them too; a link that leads nowhere is a mistake."""
    monkeypatch.chdir(tmp_path)
    if link:
        os.symlink("nowhere", "dfks.yaml")
    else:
        (tmp_path / "dfks.yaml").write_text("sip: 5\n")
    error = CliRunner().invoke(dfks, ["serve"]).exception
    assert isinstance(error, ConfigError)
    assert str(error).startswith("dfks.yaml:" if link else "dfks.yaml:1:6:")


def test_program_is_called_by_the_name_that_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a link there, as a package makes it."""
    program, on_path = tmp_path / "opt" / "dfks", tmp_path / "bin" / "dfks"
    for one in (program, on_path):
        one.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    on_path.symlink_to(program)
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.chdir(tmp_path)
    for called in (program, on_path):
        monkeypatch.setattr("sys.argv", [str(called)])
        assert _program() == "dfks"
    on_path.unlink()
    monkeypatch.setattr("sys.argv", [str(program)])
    assert _program() == Path("opt/dfks")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "dfks_rules" / "__main__.py")])
    assert _program() == "python -m dfks_rules"


def test_a_folder_without_settings_and_policies_is_told_what_writes_them(tmp_path: Path) -> None:
    """The first thing that somebody tries after an installation."""
    command = [sys.executable, "-m", "dfks_rules", "serve"]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.defpath}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert "there is no dfks.yaml here; `dfks init DIR` writes settings" in ended.stderr
    assert "policies/default: cannot read" in ended.stderr


def test_no_thread_waits_for_a_process_of_a_reload() -> None:
    """The loop would stand still until it has run."""
    code = """
import asyncio, sys, threading
from dfks_rules.cli.serve import _wait_for_children_on_the_loop

async def run():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    threads = threading.active_count()
    assert await process.wait() == 0
    print(threads)

_wait_for_children_on_the_loop()
asyncio.run(run())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"
