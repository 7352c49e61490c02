"""Readers of the store: a group whose members may read its files, such as that of a proxy.

A reader needs all three. Without write access it cannot make the log and its index (`-wal`,
`-shm`), which exist only while a server has the database open, so a server that stops leaves a
database that needs neither.

Reference: https://www.sqlite.org/wal.html#read_only_databases
"""

import grp
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dfks_rules.errors import StoreError

MODE = 0o640
"""Of files that a group may read."""


def group_problem(group: str) -> str | None:
    """What is wrong with a group on this machine; None when nothing is."""
    try:
        grp.getgrnam(group)
    except KeyError:
        return f"there is no group `{group}` on this machine"
    return None


def share(files: Iterable[Path], group: str) -> None:
    """Let the members of a group read these files.

    Raises:
        StoreError: `store_unavailable`: there is no such group, or they cannot be given to it.
    """
    problem = group_problem(group)
    if problem is not None:
        raise StoreError("store_unavailable", problem)
    number = grp.getgrnam(group).gr_gid
    for file in files:
        try:
            # In this order no other group may read it in between.
            os.chown(file, -1, number)
            file.chmod(MODE)
        except PermissionError:
            message = (
                f"`{file}` cannot be given to the group `{group}`: the user of the server must own "
                "it and be a member of the group"
            )
            raise StoreError("store_unavailable", message) from None


def leave_one_file(connection: sqlite3.Connection) -> None:
    """Have the database need no log, unless somebody is reading: then the log stays for them.

    Args:
        connection: the only one of this process that is left.
    """
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
