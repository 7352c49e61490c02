"""`dfks serve`: run the server."""

import asyncio
import contextlib
import faulthandler
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import structlog

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.life import Life
from dfks_rules.app.records import logs
from dfks_rules.app.server import Server
from dfks_rules.cli.compiled import interpreted
from dfks_rules.cli.settings import DEFAULT, config_option, settings_file
from dfks_rules.config.auth import AuthMode
from dfks_rules.config.cluster import ClusterSettings, without_password
from dfks_rules.config.load import load_config
from dfks_rules.config.settings import Config
from dfks_rules.errors import PolicyError
from dfks_rules.operations.policies import PolicyListing
from dfks_rules.transport.limits import raise_file_limit

_log = structlog.get_logger()


@click.command()
@config_option
def command(given: Path | None) -> None:
    """Serve phones and operators until SIGTERM or Ctrl-C.

    SIGHUP reloads policies, certificates, users and profiles. SIGUSR2 starts the server anew, and
    no phone notices.
    """
    file = settings_file(given)
    config = load_config(file)
    logs.set_up(config.log.level)
    if parts := interpreted():
        _log.info("not_compiled", parts=parts)
    sys.unraisablehook = logs.print_uncaught
    # Where it was, when a watchdog aborts it (SIGABRT) or compiled code crashes.
    faulthandler.enable()
    raise_file_limit()
    _wait_for_children_on_the_loop()
    try:
        asyncio.run(_serve(config, file))
    except PolicyError:
        if file is None:
            hint = "there is no dfks.yaml here; `dfks init DIR` writes settings and policies"
            click.echo(hint, err=True)
        raise
    except OSError as error:
        where = f" on {error.filename}" if error.filename else ""
        click.echo(f"cannot listen{where}: {error.strerror or error}", err=True)
        sys.exit(1)


def _wait_for_children_on_the_loop() -> None:
    """Have no thread wait for the end of each process that a reload starts.

    To start the thread holds the loop until it has run: 30 to 130 ms on a busy machine. From Python
    3.12 on, asyncio does this by itself.
    """
    if sys.version_info < (3, 12) and sys.platform == "linux":
        with contextlib.suppress(OSError):  # an old kernel, or one that a sandbox hides
            os.close(os.pidfd_open(os.getpid()))
            asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


async def _serve(config: Config, file: Path | None) -> None:
    def served(server: Server, policies: PolicyReloader) -> None:
        realm = config.auth.realm if config.auth.mode is AuthMode.DIGEST else None
        banner = _banner(server.addresses(), file, policies.listing(), realm, config.cluster)
        print("\n".join(banner), flush=True)

    await Life(config, os.environ).run(served)
    click.echo("stopped")


def _banner(
    addresses: list[str],
    file: Path | None,
    policies: PolicyListing,
    realm: str | None = None,
    cluster: ClusterSettings | None = None,
) -> Iterator[str]:
    """The lines printed once the server is ready; `realm` where phones have passwords."""
    yield "dfks-rules is running"
    yield from (f"  {address}" for address in addresses)
    yield f"settings: {file or 'defaults and environment (no dfks.yaml here)'}"
    if cluster is not None:
        yield f"node {cluster.name} of {without_password(cluster.url)}"
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
        config = "" if file in (None, DEFAULT) else f" --config {shlex.quote(str(file))}"
        host = realm or sip.rpartition(":")[0]
        yield f"  {program} mi{config} dfks_set_feature sip:alice@{host} DoNotDisturb 1"


def _program() -> Path | str:
    """What to type for `dfks` here."""
    called = Path(sys.argv[0]).absolute()
    if called.name == "__main__.py":
        return "python -m dfks_rules"
    found = shutil.which("dfks")
    # A package puts a link on the PATH.
    if found is not None and str(called) in (found, os.path.realpath(found)):
        return "dfks"
    here = Path.cwd()
    return called.relative_to(here) if called.is_relative_to(here) else called
