"""`dfks serve`: run the server."""

import asyncio
import gc
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import click

from dfks_rules.app.credentials import secrets_of
from dfks_rules.app.desk.certificates import CertificateReloader
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.profiles import ProfilesFile
from dfks_rules.app.records import logs
from dfks_rules.app.server import Server
from dfks_rules.app.users import users_of
from dfks_rules.config.load import load_config
from dfks_rules.config.settings import Config
from dfks_rules.mi.ports import PolicyListing
from dfks_rules.transport.limits import raise_file_limit

_DEFAULT = Path("dfks.yaml")


@click.command()
@click.option(
    "--config",
    "given",
    type=click.Path(path_type=Path),
    help="Settings file; default: ./dfks.yaml if it exists.",
)
def command(given: Path | None) -> None:
    """Serve phones and operators until SIGTERM or Ctrl-C.

    SIGHUP reloads policies, certificates, users and profiles.
    """
    # A dangling link is a mistake to report, not a missing file.
    file = given or (_DEFAULT if os.path.lexists(_DEFAULT) else None)
    config = load_config(file)
    logs.set_up(config.log.level)
    sys.unraisablehook = logs.print_uncaught
    raise_file_limit()
    try:
        asyncio.run(_serve(config, file))
    except OSError as error:
        where = f" on {error.filename}" if error.filename else ""
        click.echo(f"cannot listen{where}: {error.strerror or error}", err=True)
        sys.exit(1)


async def _serve(config: Config, file: Path | None) -> None:
    users = users_of(config.auth)
    profiles = ProfilesFile(config.profiles)
    secrets = secrets_of(config.sip.credentials)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    certificates = CertificateReloader(config.sip.tls, config.reload)
    policies = PolicyReloader(config.policies, config.reload)

    def reload() -> None:
        policies.reload_soon("signal")
        certificates.reload_soon("signal")
        profiles.reload_soon()
        if users is not None:
            users.reload_soon()

    # Before the start, which may take seconds: an unhandled SIGHUP ends the process.
    loop.add_signal_handler(signal.SIGHUP, reload)
    if await _unless(stop, policies.start()):
        server = Server(config, policies, certificates, users, secrets, profiles.profiles)
        await server.start()
        realm = None if users is None else config.auth.realm
        banner = _banner(server.addresses(), file, policies.listing(), realm)
        print("\n".join(banner), flush=True)
        await stop.wait()
        await server.close()
        # Otherwise the interpreter searches 100,000 subscriptions for cycles on exit: 4 s.
        gc.freeze()
    else:
        await policies.close()
        await certificates.close()
    click.echo("stopped")


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, or abandon it at a stop; returns whether it was completed."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    given_up = stop.is_set()
    if given_up:
        working.cancel()
    stopping.cancel()
    failure, _ = await asyncio.gather(working, stopping, return_exceptions=True)
    if failure is not None and not given_up:
        raise failure
    return not given_up


def _banner(
    addresses: list[str], file: Path | None, policies: PolicyListing, realm: str | None = None
) -> Iterator[str]:
    """The lines printed once the server is ready; `realm` where phones have passwords."""
    yield "dfks-rules is running"
    yield from (f"  {address}" for address in addresses)
    yield f"settings: {file or 'defaults and environment (no dfks.yaml here)'}"
    names = ", ".join(row.policy for row in policies.policies) or "none; every set is stored"
    yield f"policies (revision {policies.revision}): {names}"
    if policies.failure is not None:
        yield "THE POLICY FILES ARE BROKEN; using the last good ones:"
        yield from (f"  {finding}" for finding in policies.failure.findings)
    transport, _, sip = addresses[0].rpartition("sip ")[2].partition(":")
    # One cannot send to a wildcard address; the second terminal is on this machine.
    sip = sip.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:")
    program = _program()
    yield "try it in a second terminal:"
    tls = " --tls --cafile CA.pem" if transport == "tls" else ""
    if realm is None:
        yield f"  {program} phone sip:alice@{sip}{tls} --watch"
    else:
        more = f"{tls} --password-stdin --watch"
        yield f"  {program} phone sip:alice@{realm} --server {sip}{more}"
    if any(address.startswith("mi ") for address in addresses):
        config = "" if file in (None, _DEFAULT) else f" --config {shlex.quote(str(file))}"
        host = realm or sip.rpartition(":")[0]
        yield f"  {program} mi{config} dfks_set_feature sip:alice@{host} DoNotDisturb 1"


def _program() -> Path | str:
    """What to type for `dfks` here."""
    called = Path(sys.argv[0]).absolute()
    if str(called) == shutil.which("dfks"):
        return "dfks"
    here = Path.cwd()
    return called.relative_to(here) if called.is_relative_to(here) else called
