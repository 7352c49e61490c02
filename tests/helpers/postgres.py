"""A real PostgreSQL in a folder of its own, with the two tables of FusionPBX that a bridge uses."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.published import ROOT

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
needs_postgres = pytest.mark.skipif(not _FOUND, reason="needs PostgreSQL (Debian: postgresql)")
_BIN = _FOUND[-1].parent if _FOUND else Path()
PAGE = ROOT / "docs/howto/bridge-fusionpbx.md"
TABLES = """
CREATE TABLE v_domains (domain_uuid uuid PRIMARY KEY, domain_name text);
CREATE TABLE v_extensions (
  extension_uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), domain_uuid uuid, extension text,
  user_context text, call_timeout numeric, do_not_disturb text,
  forward_all_enabled text, forward_all_destination text,
  forward_busy_enabled text, forward_busy_destination text,
  forward_no_answer_enabled text, forward_no_answer_destination text,
  update_date timestamptz
);
INSERT INTO v_domains VALUES
  ('00000000-0000-0000-0000-000000000001', 'Example.com'),
  ('00000000-0000-0000-0000-000000000002', 'other.example');
INSERT INTO v_extensions (domain_uuid, extension, user_context, call_timeout) VALUES
  ('00000000-0000-0000-0000-000000000001', '201', 'example.com', 30),
  ('00000000-0000-0000-0000-000000000001', '202', 'example.com', 30),
  ('00000000-0000-0000-0000-000000000002', '201', 'other.example', 30);
"""


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self.conninfo = f"host={folder} dbname=postgres user=postgres"

    def run(self, statements: str) -> list[tuple[Any, ...]]:
        """Run statements, as FusionPBX's pages and star codes do; the rows of the last one."""
        import psycopg

        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            found = connection.execute(statements.encode())
            return found.fetchall() if found.description else []

    def row(self, columns: str, extension: str = "201") -> tuple[Any, ...]:
        """Some columns of an extension of example.com."""
        where = f"extension = '{extension}' AND user_context = 'example.com'"
        return self.run(f"SELECT {columns} FROM v_extensions WHERE {where}")[0]  # noqa: S608

    def set(self, columns: str, extension: str = "201") -> None:
        """Write some columns of it."""
        where = f"extension = '{extension}' AND user_context = 'example.com'"
        self.run(f"UPDATE v_extensions SET {columns} WHERE {where}")  # noqa: S608


def trigger() -> str:
    """The trigger that the page tells operators to make."""
    (found,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return str(found)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run one until the block ends."""
    # Root may not run it, and its user may not enter the folders of tests.
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="dfks-pg-"))
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    data = folder / "data"
    quiet: dict[str, Any] = {"user": user, "cwd": folder, "stderr": subprocess.STDOUT}
    try:
        made = [str(_BIN / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, **quiet)
        command = [str(_BIN / "postgres"), "-D", str(data), "-k", str(folder), "-F"]
        with subprocess.Popen(
            [*command, "-c", "listen_addresses="], stdout=subprocess.DEVNULL, **quiet
        ) as process:
            try:
                yield _ready(Postgres(folder))
            finally:
                process.send_signal(2)
                process.wait(30)
    finally:
        shutil.rmtree(folder)


def _ready(server: Postgres) -> Postgres:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            server.run(TABLES)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return server
