"""`dfks bridge`: keep a switch and the server in step."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from dfks_rules.app.records import logs
from dfks_rules.bridges.asterisk.switch import Asterisk
from dfks_rules.bridges.counts import Counts
from dfks_rules.bridges.fusionpbx.switch import FusionPbx
from dfks_rules.bridges.memory import Memory
from dfks_rules.bridges.ports import Switch
from dfks_rules.bridges.running import Bridge, Inbox, Sweep
from dfks_rules.bridges.server import Server
from dfks_rules.bridges.settings import BridgeSettings, load_bridge
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.web.client import ApiClient

_Make = Callable[[BridgeSettings, Inbox], Switch]


@click.group()
def command() -> None:
    """Keep a switch in step with the server, both ways, until SIGTERM.

    What users set at their phones, operators here, and the switch's own star codes and pages set
    there: the later set wins, and the policies decide on each. SIGUSR1 prints the counters.
    """


_settings = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="Settings of the bridge (`dfks schema bridge`).",
)
_status = click.option(
    "--status",
    type=click.IntRange(1, 86_400),
    help="Print the counters after each so many seconds.",
)


@command.command()
@_settings
@_status
def asterisk(file: Path, status: int | None) -> None:
    """Asterisk with FreePBX's keys in AstDB, by AMI."""
    _run(file, status, "asterisk", _asterisk)


def _asterisk(settings: BridgeSettings, inbox: Inbox) -> Switch:
    if settings.asterisk is None:
        raise _missing("asterisk")
    return Asterisk(settings.asterisk, inbox.hint, partial(inbox.sweep, Sweep(is_full=False)))


@command.command()
@_settings
@_status
def fusionpbx(file: Path, status: int | None) -> None:
    """FusionPBX, by its database and FreeSWITCH's event socket."""
    _run(file, status, "fusionpbx", _fusionpbx)


def _fusionpbx(settings: BridgeSettings, inbox: Inbox) -> Switch:
    if settings.fusionpbx is None:
        raise _missing("fusionpbx")
    lose = partial(inbox.sweep, Sweep(is_full=False))
    return FusionPbx(settings.fusionpbx, settings.numbering.domain, inbox.hint, lose)


def _missing(name: str) -> ConfigError:
    return ConfigError([Finding(name, 0, 0, "config_missing", "is not set")])


def _run(file: Path, status: int | None, name: str, make: _Make) -> None:
    settings = load_bridge(file)
    inbox = Inbox()
    switch = make(settings, inbox)
    logs.set_up(settings.log_level)
    memory = Memory(settings.memory)
    client = ApiClient(settings.url, settings.token, program=f"dfks-bridge-{name}")
    bridge = Bridge(
        Server(client), switch, memory, settings.numbering, Counts(), inbox, settings.every
    )
    try:
        asyncio.run(_serve(bridge, client, settings.url, status))
    finally:
        memory.close()
    click.echo("stopped")


async def _serve(bridge: Bridge, client: ApiClient, url: str, status: int | None) -> None:
    async with client:
        running = asyncio.create_task(bridge.run())
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, running.cancel)
        loop.add_signal_handler(signal.SIGUSR1, _print, bridge.counts)
        click.echo(f"bridge between {url} and the switch is running")
        printing = asyncio.create_task(_print_on(bridge.counts, status)) if status else None
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await running
        finally:
            if printing is not None:
                printing.cancel()


def _print(counts: Counts) -> None:
    click.echo(counts.line)


async def _print_on(counts: Counts, every: int) -> None:
    while True:
        await asyncio.sleep(every)
        _print(counts)
