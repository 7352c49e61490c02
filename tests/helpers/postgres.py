"""A real PostgreSQL in a folder of its own: for clusters, or with two tables of FusionPBX."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.helpers.ports import free_port
from tests.helpers.published import ROOT

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
needs_postgres = pytest.mark.skipif(not _FOUND, reason="needs PostgreSQL (Debian: postgresql)")
needs_pgbouncer = pytest.mark.skipif(
    not Path("/usr/sbin/pgbouncer").exists(), reason="needs PgBouncer (Debian: pgbouncer)"
)
_NUMBERS = count(1)
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


class Cluster:
    """A server process with a folder of its own, listening on a socket in it and on a free port."""

    def __init__(self, primary: "Cluster | None" = None) -> None:
        """Makes the folder; nothing runs.

        Args:
            primary: what it is a streaming standby of; None where it stands by itself.
        """
        # Root may not run it, and its user may not enter the folders of tests.
        self._user = "postgres" if os.getuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="dfks-pg-"))
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: set[int] = set()
        self.port = free_port()
        if primary is not None:
            there = f"{primary.conninfo()} application_name=standby"
            self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", there)
            return
        self._run(
            "initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )

    def _run(self, program: str, *arguments: str) -> None:
        made = [str(_BIN / program), "-D", str(self.folder / "data"), *arguments]
        out = subprocess.DEVNULL
        subprocess.run(
            made, check=True, stdout=out, stderr=out, user=self._user, cwd=self.folder, timeout=180
        )

    def conninfo(self, database: str = "postgres") -> str:
        """For psycopg."""
        return f"host={self.folder} port={self.port} dbname={database} user=postgres"

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """For `store:`, by the port."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self, *settings: str) -> None:
        """Run it, and wait until it answers; what is written is not flushed (`fsync=off`)."""
        assert self._process is None
        options = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=200", *settings]
        self._process = subprocess.Popen(
            [
                *(str(_BIN / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)),
                *("-p", str(self.port)),
                *[word for one in options for word in ("-c", one)],
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd=self.folder,
        )
        deadline = time.monotonic() + 90
        while not self.answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether a connection can be made."""
        import psycopg

        try:
            psycopg.connect(self.conninfo(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, mode: str = "fast") -> None:
        """End it: `fast`, `immediate` (as a crash), or `kill` (SIGKILL to all its processes)."""
        if self._process is None:
            return
        for pid in [*self._frozen]:
            self.thaw(pid)
        process, self._process = self._process, None
        if mode == "kill":
            children = _children(process.pid)
            process.kill()
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        process.wait(30)

    def show(self, certificate: Path, key: Path, *, only: bool = True) -> None:
        """From the next start on, take TLS by this certificate; `only`: nothing else by TCP."""
        data, owner = self.folder / "data", self.folder.stat().st_uid
        for file, name in ((certificate, "server.crt"), (key, "server.key")):
            to = data / name
            shutil.copyfile(file, to)
            to.chmod(0o600)
            os.chown(to, owner, -1)
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write("ssl = on\n")
        kind = "hostssl" if only else "host"
        rules = f"local all all trust\n{kind} all all 127.0.0.1/32 trust\n"
        (data / "pg_hba.conf").write_text(rules)

    def follow_synchronously(self) -> None:
        """From now on a commit returns once a standby has it, too."""
        self.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.run("SELECT pg_reload_conf()")
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
        deadline = time.monotonic() + 90
        while self.run(query) != [(1,)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def promote(self) -> None:
        """It was a standby, and takes writes once this returns."""
        # Not waited for by the engine: a migrated database ends what takes longer than 4 s.
        assert self.run("SELECT pg_promote(false)") == [(True,)]
        deadline = time.monotonic() + 90
        while self.run("SELECT pg_is_in_recovery()") != [(False,)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def processes(self) -> list[int]:
        """All that run: the first one, and one for each connection and chore."""
        assert self._process is not None
        return [self._process.pid, *_children(self._process.pid)]

    def backends(self, name: str) -> list[int]:
        """Processes that serve connections with this `application_name`."""
        found = self.run("SELECT pid FROM pg_stat_activity WHERE application_name = %s", name)
        return [int(pid) for [pid] in found]

    def freeze(self, name: str) -> int:
        """Have the one process that serves this `application_name` do nothing until `thaw`."""
        [pid] = self.backends(name)
        os.kill(pid, signal.SIGSTOP)
        self._frozen.add(pid)
        return pid

    def thaw(self, pid: int) -> None:
        """Have it go on."""
        self._frozen.discard(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def run(
        self, statement: str, *values: object, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Run statements; the rows of the last one."""
        import psycopg

        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            found = connection.execute(statement.encode(), values or None)
            return found.fetchall() if found.description else []

    def create(self, template: str = "template0") -> str:
        """Make a database; its name."""
        name = f"d{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def remove(self) -> None:
        """End it, and remove the folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder)


@contextmanager
def pgbouncer(
    server: Cluster, pool: int = 2, mode: str = "transaction", port: int | None = None
) -> Iterator[int]:
    """Run PgBouncer before a server until the block ends; gives its port.

    In transaction mode each transaction may come to another one of `pool` connections, also of one
    client's; in session mode a client keeps one.
    """
    port, settings = port or free_port(), server.folder / "pgbouncer.ini"
    settings.write_text(f"""
        [databases]
        * = host=127.0.0.1 port={server.port} user=postgres
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = {mode}
        default_pool_size = {pool}
        server_round_robin = 1
        server_connect_timeout = 2
        query_wait_timeout = 3
        """)
    user = "postgres" if os.getuid() == 0 else None
    out = subprocess.DEVNULL
    command = ["/usr/sbin/pgbouncer", "-q", str(settings)]
    with subprocess.Popen(command, stdout=out, stderr=out, user=user, cwd=server.folder) as process:
        try:
            deadline = time.monotonic() + 90
            while True:
                assert process.poll() is None
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield port
        finally:
            process.kill()


class Database(NamedTuple):
    """A database of a server, for one test."""

    server: Cluster
    name: str

    @property
    def url(self) -> str:
        """For `store:`."""
        return self.server.url(self.name)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run statements in it; the rows of the last one."""
        return self.server.run(statement, *values, database=self.name)


@contextmanager
def fresh_database(server: Cluster) -> Iterator[Database]:
    """An empty database until the block ends."""
    name = server.create()
    try:
        yield Database(server, name)
    finally:
        server.drop(name)


def _children(pid: int) -> list[int]:
    said = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(one) for one in said.split()]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a server until the block ends."""
    one = Cluster()
    try:
        one.start()
        yield one
    finally:
        one.remove()


class Postgres:
    """A running server with the tables of FusionPBX."""

    def __init__(self, server: Cluster) -> None:
        """Makes the tables."""
        self._server = server
        self.conninfo = server.conninfo()
        self.run(TABLES)

    def run(self, statements: str) -> list[tuple[Any, ...]]:
        """Run statements, as FusionPBX's pages and star codes do; the rows of the last one."""
        return self._server.run(statements)

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
    with cluster() as server:
        yield Postgres(server)
