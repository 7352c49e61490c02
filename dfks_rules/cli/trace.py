"""`dfks trace`: what passes between the server and one user, live."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import click

from dfks_rules.cli.api import api_options
from dfks_rules.errors import MalformedMessageError
from dfks_rules.policy.words.wording import printable
from dfks_rules.sip.uri import parse_aor
from dfks_rules.tracing.as_json import entry_from
from dfks_rules.tracing.entries import Decided, Entry
from dfks_rules.tracing.ladder import Ladder
from dfks_rules.tracing.pcapng import PcapngWriter
from dfks_rules.web.client import ApiClient, ApiError, Event

MAX_SECONDS = 600


class _Seen:
    """What was seen so far, and where it goes."""

    def __init__(self, user: str, file: BinaryIO | None, *, whole: bool, as_json: bool) -> None:
        self._ladder = None if as_json else Ladder(whole=whole)
        self._file = file
        self._writer = PcapngWriter(f"Trace of {user} by dfks-rules; credentials are removed")
        self.messages = self.decisions = 0
        self.last: str | None = None
        """Number of the last entry; None before the first."""
        self._write(self._writer.head())

    def begin(self, title: str) -> None:
        """Say that messages are looked at from now on."""
        click.echo(title, err=self._ladder is None)
        sys.stdout.flush()

    def take(self, event: Event) -> None:
        """Show and write one event."""
        if event.type == "gap":
            lost = f"{event.data['lost']} entries are lost: they came faster than they were read"
            self._writer.comment(lost)
            click.echo(f"dfks: {lost}", err=True)
        elif event.type in ("message", "decision"):
            entry = entry_from(event.data)
            self.last = event.id
            self._count(entry)
            self._show(event, entry)
            self._write(self._writer.entry(entry))

    def _count(self, entry: Entry) -> None:
        if isinstance(entry, Decided):
            self.decisions += 1
        else:
            self.messages += 1

    def _show(self, event: Event, entry: Entry) -> None:
        if self._ladder is None:
            click.echo(json.dumps(event.data))
        else:
            colour = _colour_of(entry)
            for line in self._ladder.lines(entry):
                click.echo(click.style(line, fg=colour) if colour else line)
        sys.stdout.flush()

    def end(self) -> None:
        """Write the rest of the file."""
        self._write(self._writer.end())

    def _write(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
            self._file.flush()


def _colour_of(entry: Entry) -> str | None:
    if not isinstance(entry, Decided):
        return None
    is_refusal = entry.failure or any(one["effect"] == "deny" for one in entry.decisions)
    return "red" if is_refusal else "cyan"


@click.command(name="trace")
@click.argument("user")
@click.option(
    "--seconds",
    type=click.IntRange(0, MAX_SECONDS),
    default=60,
    show_default=True,
    help="For how long; 0 shows what is kept of the last trace.",
)
@click.option(
    "--pcap",
    "path",
    type=click.Path(path_type=Path),
    help="Write a file for Wireshark (pcapng), with the decisions as comments.",
)
@click.option("--whole", is_flag=True, help="Show each message below its line.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@api_options
def command(
    api: ApiClient,
    user: str,
    seconds: int,
    path: Path | None,
    *,
    whole: bool,
    as_json: bool,
) -> None:
    """Show the SIP messages of USER as they pass, with the decisions between them.

    USER is a presentity or a watcher, such as sip:alice@example.com. The server is on the left.
    Credentials are removed. Ctrl-C ends the trace.
    """
    try:
        uri = parse_aor(user).uri
    except MalformedMessageError as error:
        message = f"USER: {error.message}"
        raise click.UsageError(message) from error
    with _opened(path) as file:
        seen = _Seen(uri, file, whole=whole, as_json=as_json)
        try:
            asyncio.run(_follow(api, uri, seconds, seen))
        except KeyboardInterrupt:
            # What has passed meanwhile was on its way.
            with suppress(ApiError):
                asyncio.run(_follow(api, uri, 0, seen))
        finally:
            seen.end()
    click.echo(_summary(uri, seen, path), err=True)


async def _follow(api: ApiClient, uri: str, seconds: int, seen: _Seen) -> None:
    async with api:
        path, query = f"/v1/trace/{quote(uri, safe='')}", {"seconds": seconds}
        async for event in api.events(path, query=query, last=seen.last):
            if event.type == "trace" and seen.last is None:
                seen.begin(f"trace of {printable(uri)} for {seconds} s; the server is on the left")
            if event.type == "end":
                break
            seen.take(event)


def _summary(uri: str, seen: _Seen, path: Path | None) -> str:
    if not seen.messages + seen.decisions:
        return (
            f"dfks: nothing passed between the server and {printable(uri)}; press a key on the "
            "phone, or restart it"
        )
    written = "" if path is None else f", written to {path}"
    return f"dfks: messages: {seen.messages}, decisions: {seen.decisions}{written}"


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO | None]:
    """The file, readable for its owner only."""
    if path is None:
        yield None
        return
    try:
        file = open(path, "wb", opener=_private)  # noqa: SIM115 - closed below
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise click.ClickException(message) from error
    with file:
        yield file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
