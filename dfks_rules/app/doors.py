"""The doors of operators: which there are, and when they open and close."""

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from socket import socket

from dfks_rules.config.schema import schema_file
from dfks_rules.config.settings import ApiSettings, ListenAddress, MiSettings
from dfks_rules.console.files import in_german, read_files
from dfks_rules.mi.datagram import DatagramServer, open_socket
from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.fifo import FifoServer, make_fifo
from dfks_rules.mi.http import HttpServer
from dfks_rules.mi.sockets import Take, listening
from dfks_rules.transport.inherited import Inherited
from dfks_rules.web.server import WebServer, WebSettings
from dfks_rules.web.tls import TlsFiles
from dfks_rules.web.tokens import TokenFile


async def reserve(
    settings: MiSettings, api: ApiSettings | None, inherited: Inherited, *, takes_over: bool
) -> None:
    """Do what may fail when doors are opened, before anything is changed.

    Args:
        settings: those of MI.
        api: that of the HTTP API; None where there is none.
        inherited: gets those sockets that it has not.
        takes_over: whether the server that ran before still serves, and leaves its FIFO.

    Raises:
        OSError: one cannot be opened.
    """
    if settings.fifo is not None:
        make_fifo(settings.fifo.path, settings.fifo.reply_dir, takes_over=takes_over)
    if settings.datagram is not None:
        take = partial(inherited.take, "datagram")
        inherited.put("datagram", await open_socket(_target(settings.datagram), take))
    for name, where in (("http", settings.http), ("api", api)):
        if where is not None:
            for one in await _listening(where.listen, partial(inherited.take, name)):
                inherited.put(name, one)


def _target(where: ListenAddress | Path) -> tuple[str, int] | Path:
    return (where.host, where.port) if isinstance(where, ListenAddress) else where


async def _listening(where: ListenAddress, take: Take) -> list[socket]:
    return await listening(where.host, where.port, take)


def web_settings_of(http: ApiSettings | None) -> WebSettings:
    """What the HTTP API is given; it is not opened where there are no settings."""
    if http is None:
        return WebSettings(None, frozenset(), 0)
    tokens = None if http.tokens is None else TokenFile(http.tokens)
    tls = None if http.tls is None else TlsFiles(*http.tls)
    console = _console_files() if http.console else None
    return WebSettings(tokens, http.names, http.per_token, tls, console, http.streams_per_token)


def _console_files() -> dict[str, bytes]:
    """What browsers are given; its editor completes from the schema of policies."""
    schema = schema_file("policy").read_bytes()
    return {
        **read_files(),
        "policy.en.schema.json": schema,
        "policy.de.schema.json": in_german(schema),
    }


class Doors:
    """The doors that are configured."""

    def __init__(
        self, settings: MiSettings, dispatcher: Dispatcher, api: ApiSettings | None, web: WebServer
    ) -> None:
        self._settings = settings
        self._api = api
        self._web = web
        self._dispatcher = dispatcher
        self._fifo: FifoServer | None = None
        self._others: list[DatagramServer | HttpServer | WebServer] = []

    async def open(self, inherited: Inherited, *, takes_over: bool) -> None:
        """Open all of them. Call `close` also when this fails.

        Args:
            inherited: sockets to take where there is one for a door.
            takes_over: whether the server that ran before has left its FIFO.

        Raises:
            OSError: one cannot be opened.
        """
        given, dispatcher = self._settings, self._dispatcher
        if given.fifo is not None:
            self._fifo = FifoServer(given.fifo.path, given.fifo.reply_dir, dispatcher)
            await self._fifo.start(takes_over=takes_over)
        if given.datagram is not None:
            datagram = DatagramServer(_target(given.datagram), dispatcher)
            await datagram.start(partial(inherited.take, "datagram"))
            self._others.append(datagram)
        if given.http is not None:
            at = (given.http.listen.host, given.http.listen.port)
            http = HttpServer(at, given.http.root, given.http.secret, dispatcher)
            await http.start(partial(inherited.take, "http"))
            self._others.append(http)
        if self._api is not None:
            await self._web.start(
                await _listening(self._api.listen, partial(inherited.take, "api"))
            )
            self._others.append(self._web)

    def addresses(self) -> list[str]:
        """Where each is, as an operator would write it."""
        fifo = [] if self._fifo is None else [self._fifo]
        return [
            f"{'api' if isinstance(door, WebServer) else 'mi '} {door.address}"
            for door in (*fifo, *self._others)
        ]

    def sockets(self) -> list[tuple[str, socket]]:
        """What whoever serves next has to be given, each with a name."""
        return [named for door in self._others for named in door.sockets()]

    async def leave(self) -> None:
        """Close them for the server that comes next; the FIFO holds what is written until then.

        Calls under way are finished: whoever asked has waited, and a call may be carried out once
        only.
        """
        ends = [door.close(leaves=True) for door in self._others]
        if self._fifo is not None:
            ends.append(self._fifo.pause())
        await asyncio.gather(*ends)
        self._others.clear()

    async def close(self, *, leaves: bool) -> None:
        """Close them; `leaves`: but let files stay for the server that comes next."""
        doors = [*([] if self._fifo is None else [self._fifo]), *self._others]
        self._fifo = None
        self._others.clear()
        for door in doors:
            with suppress(OSError):
                await door.close(leaves=leaves)
