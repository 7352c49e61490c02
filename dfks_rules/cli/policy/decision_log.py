"""The requests in a decision log, for `diff` and `test`."""

from collections.abc import Iterator
from typing import BinaryIO

import click

from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.replay import recorded

MAX_LINE = 1024 * 1024
"""Longest line of a decision log, in bytes."""
MAX_BROKEN = 20
"""Most broken lines that are reported one by one."""


def requests_in(log: BinaryIO) -> Iterator[tuple[str, View]]:
    """(Where it is, request) of each record; other lines are reported on standard error."""
    broken = 0
    for number, line in enumerate(_lines(log), start=1):
        if line.isspace():
            continue
        try:
            view = recorded(line)
        except ValueError as error:
            broken += 1
            if broken <= MAX_BROKEN:
                click.echo(f"{log.name}:{number}: {error}", err=True)
        else:
            yield f"{log.name}:{number}", view
    if broken:
        lines = "1 line" if broken == 1 else f"{broken:,} lines"
        click.echo(f"{log.name}: {lines} skipped", err=True)


def _lines(log: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; only the start of a line that is too long."""
    while line := log.readline(MAX_LINE):
        yield line
        while line and not line.endswith(b"\n"):
            line = log.readline(MAX_LINE)
