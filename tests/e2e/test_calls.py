"""The view `dfks_calls`, read by others while a server writes."""

import grp
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.server import Server, serve

pytestmark = pytest.mark.e2e

_ALICE = "SELECT * FROM dfks_calls WHERE domain = 'example.com' AND user = 'alice'"


def _config(folder: Path) -> dict[str, Any]:
    group = grp.getgrgid(os.getgid()).gr_name
    return {"store": {"sqlite": str(folder / "dfks.db"), "group": group}}


def _forward(server: Server, target: str) -> None:
    reply = server.mi(
        "dfks_set_feature",
        presentity="sip:alice@example.com",
        feature="CallForwardingAlways",
        status=1,
        values=[f"forwardTo/{target}"],
    )
    assert reply["result"] == "OK"


def _read(folder: Path) -> sqlite3.Row:
    reader = sqlite3.connect(f"file:{folder}/dfks.db?mode=ro", uri=True)
    reader.row_factory = sqlite3.Row
    try:
        row = reader.execute(_ALICE).fetchone()
        assert isinstance(row, sqlite3.Row)
        return row
    finally:
        reader.close()


def test_a_set_counts_for_the_next_call(tmp_path: Path) -> None:
    """It is in the file before the operator has his answer; and after the stop, in it alone."""
    with serve(tmp_path, _config(tmp_path)) as server:
        for number in range(3):
            _forward(server, f"20{number}")
            row = _read(tmp_path)
            assert (row["revision"], row["cfa_uri"]) == (number + 1, f"sip:20{number}@example.com")
        assert server.stop() == 0
    assert {file.name for file in tmp_path.iterdir() if "dfks.db" in file.name} == {
        *("dfks.db", "dfks.db.lock")
    }
    assert _read(tmp_path)["cfa_uri"] == "sip:202@example.com"
    command = [str(Path(sys.executable).with_name("dfks")), "store", "check"]
    settings = ["--config", str(tmp_path / "dfks.yaml")]
    done = subprocess.run([*command, *settings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kill_takes_nothing_that_was_answered(tmp_path: Path) -> None:
    """The log is where it was; the next server goes on with it."""
    with serve(tmp_path, _config(tmp_path)) as server:
        _forward(server, "201")
        server.kill()
    assert _read(tmp_path)["cfa_uri"] == "sip:201@example.com"
    with serve(tmp_path, _config(tmp_path)) as server:
        _forward(server, "202")
        assert _read(tmp_path)["cfa_uri"] == "sip:202@example.com"


def test_readers_and_the_server_never_wait_for_each_other(tmp_path: Path) -> None:
    """Every read finds a whole state, and every set is stored."""
    seen: list[int] = []
    failures: list[str] = []
    is_over = threading.Event()

    def read() -> None:
        reader = sqlite3.connect(f"file:{tmp_path}/dfks.db?mode=ro", uri=True, timeout=0)
        while not is_over.is_set():
            try:
                for row in reader.execute(f"SELECT revision, cfa_to FROM ({_ALICE})"):  # noqa: S608
                    seen.append(row[0])
                    if row[1] != str(200 + row[0]):
                        failures.append(f"{row}")
            except sqlite3.Error as error:
                failures.append(str(error))
        reader.close()

    with serve(tmp_path, _config(tmp_path)) as server:
        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(1, 101):
            _forward(server, str(200 + number))
        is_over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len({*seen}) > 1
    assert _read(tmp_path)["revision"] == 100
