"""FusionPBX's database: `v_extensions` and `v_domains` of PostgreSQL."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dfks_rules.bridges.fusionpbx.columns import COLUMNS, Row
from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError
from dfks_rules.errors import DfksError

try:
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row
except ImportError as _error:
    _missing: ImportError | None = _error
else:
    _missing = None

CHANNEL = "dfks_extension"
"""What the trigger notifies of changes, as `extension@domain`."""
WITHIN = 10
"""Seconds that the database has to connect, and to answer."""


class Extension(NamedTuple):
    """One row."""

    name: str
    context: str
    """`user_context`: by it and the name, FusionPBX's cache knows the extension."""
    row: Row
    changed_at: float
    """`update_date`, as Unix time; 0 where there is none."""


class Database:
    """Two connections: one to ask, one to be notified."""

    def __init__(
        self, conninfo: str, domain: str, hear: Callable[[str], None], lose: Callable[[], None]
    ) -> None:
        """Not connected.

        Args:
            conninfo: as libpq takes it.
            domain: the only one whose extensions are looked at; lower case.
            hear: is called with an extension that has changed.
            lose: is called when the connection is lost that is notified.

        Raises:
            DfksError: `bridge_no_psycopg`
        """
        if _missing is not None:
            message = "needs psycopg: install dfks-rules[fusionpbx]"
            raise DfksError("bridge_no_psycopg", message) from _missing
        self._conninfo = conninfo
        self._domain = domain
        self._hear = hear
        self._lose = lose
        self._asked: psycopg.AsyncConnection[dict[str, Any]] | None = None
        self._notified: psycopg.AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect anew.

        Raises:
            SwitchLostError: that fails.
        """
        await self.close()
        options = f"-c statement_timeout={WITHIN}s"
        try:
            self._asked = await psycopg.AsyncConnection.connect(
                self._conninfo,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=WITHIN,
                options=options,
            )
            self._notified = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, connect_timeout=WITHIN
            )
            await self._notified.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        except psycopg.Error as error:
            await self.close()
            raise SwitchLostError(f"PostgreSQL: {_said(error)}") from error
        self._task = asyncio.create_task(self._be_notified(self._notified))

    async def extensions(self, name: str | None = None) -> list[Extension]:
        """The extensions of the domain, or the one with a name, if it is there."""
        wanted = sql.SQL(", ").join(
            sql.SQL("e.{0}::text AS {0}").format(sql.Identifier(one)) for one in COLUMNS
        )
        query = sql.SQL(
            "SELECT e.extension, e.user_context, {},"
            " extract(epoch FROM e.update_date) AS changed_at"
            " FROM v_extensions e JOIN v_domains d ON d.domain_uuid = e.domain_uuid"
            " WHERE lower(d.domain_name) = %(domain)s"
            " AND (%(name)s::text IS NULL OR e.extension = %(name)s)"
        ).format(wanted)
        rows = await self._ask(query, {"domain": self._domain, "name": name})
        return [
            Extension(
                row["extension"],
                row["user_context"] or self._domain,
                {column: row[column] for column in COLUMNS},
                float(row["changed_at"] or 0),
            )
            for row in rows
        ]

    async def update(self, name: str, row: Mapping[str, str]) -> None:
        """Write some columns of an extension; `update_date` stays that of FusionPBX's own pages."""
        columns = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(one), sql.Placeholder(one)) for one in row
        )
        query = sql.SQL(
            "UPDATE v_extensions SET {} WHERE extension = %(_name)s AND domain_uuid IN"
            " (SELECT domain_uuid FROM v_domains WHERE lower(domain_name) = %(_domain)s)"
            " RETURNING extension"
        ).format(columns)
        await self._ask(query, {**row, "_name": name, "_domain": self._domain})

    async def close(self) -> None:
        """Close both."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for one in (self._asked, self._notified):
            if one is not None:
                await one.close()
        self._asked = self._notified = None

    async def _ask(self, query: "sql.Composed", values: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self._asked is None:
            raise SwitchLostError("PostgreSQL is not connected")
        try:
            return await (await self._asked.execute(query, values)).fetchall()
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise SwitchRefusedError(f"PostgreSQL: {_said(error)}") from error
        except psycopg.Error as error:
            raise SwitchLostError(f"PostgreSQL: {_said(error)}") from error

    async def _be_notified(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        try:
            async for one in connection.notifies():
                name, _, domain = one.payload.rpartition("@")
                if domain.lower() == self._domain:
                    self._hear(name)
        except psycopg.Error:
            self._lose()


def _said(error: Exception) -> str:
    """What it says, in one line."""
    return " ".join(str(error).split())
