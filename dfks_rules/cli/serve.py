"""`dfks serve`: run the server."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path

import click

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.records import logs
from dfks_rules.app.server import Server
from dfks_rules.config.load import load_config
from dfks_rules.config.settings import Config
from dfks_rules.mi.ports import PolicyListing


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path), help="Settings, e.g. dfks.yaml.")
def command(file: Path | None) -> None:
    """Serve phones and operators until SIGTERM or Ctrl-C. SIGHUP reloads the policies."""
    config = load_config(file)
    logs.set_up(config.log.level)
    try:
        asyncio.run(_serve(config))
    except OSError as error:
        click.echo(f"cannot listen: {error}", err=True)
        sys.exit(1)


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    policies = PolicyReloader(config.policies, config.reload)
    # Before the start, which may take seconds: a SIGHUP that nobody handles ends the process.
    loop.add_signal_handler(signal.SIGHUP, policies.reload_soon, "signal")
    await policies.start()
    server = Server(config, policies)
    await server.start()
    _banner(server, policies.listing())
    await stop.wait()
    await server.close()
    click.echo("stopped")


def _banner(server: Server, policies: PolicyListing) -> None:
    print("dfks-rules serves")
    for address in server.addresses():
        print(f"  {address}")
    names = ", ".join(row.policy for row in policies.policies)
    print(f"policies (revision {policies.revision}): {names}")
    if policies.failure is not None:
        print("THE POLICY FILES ARE BROKEN; these are the last that were good:")
        for finding in policies.failure.findings:
            print(f"  {finding}")
    sip = server.addresses()[0].rpartition("sip ")[2].partition(":")[2]
    program = _program()
    print("try it in a second terminal:")
    print(f"  {program} phone sip:alice@{sip} --watch")
    host = sip.rpartition(":")[0]
    print(f"  {program} mi dfks_set_feature sip:alice@{host} DoNotDisturb 1", flush=True)


def _program() -> Path | str:
    """What to type for `dfks` here."""
    called = Path(sys.argv[0]).absolute()
    if str(called) == shutil.which("dfks"):
        return "dfks"
    here = Path.cwd()
    return called.relative_to(here) if called.is_relative_to(here) else called
