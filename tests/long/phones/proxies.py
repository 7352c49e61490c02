"""Proxies in front of a server and its standby, as the how-tos have them."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.helpers.certificates import authority
from tests.helpers.pages import WrittenFile, on_free_ports, steps
from tests.helpers.server import ROOT, Server, serve
from tests.long.phones.sites import USERS, WITHIN, Site, ha1_of

STOP_WITHIN = 5.0
"""Seconds a proxy has to stop before it is killed."""
_PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


class Proxy(NamedTuple):
    """How a proxy is configured and run."""

    name: str
    needs: str
    """What to install."""
    arguments: tuple[str, ...]
    account: str
    """The line of its configuration for a user."""
    pbx: str
    """What stands before the address of the PBX in its configuration."""

    def command(self, folder: Path) -> list[str]:
        """What runs it, or skips the test."""
        program = shutil.which(self.name, path=_PATH)
        if program is None:
            pytest.skip(f"needs {self.name} ({self.needs})")
        return [program, "-f", str(folder / f"{self.name}.cfg"), *self.arguments]


# One process each for UDP and TCP: several swap messages, and SIPp takes that for an error.
KAMAILIO = Proxy(
    "kamailio",
    "Debian packages kamailio and kamailio-tls-modules",
    ("-DD", "-E", "-m", "64", "-n", "1", "-N", "1"),
    '    $sht(users=>{user}) = "{ha1}";\n',
    'PBX "sip:',
)
OPENSIPS = Proxy(
    "opensips",
    "not in Debian; OPENSIPS_MODULES may name the folder of its modules",
    ("-F", "-m", "64", "-n", "1", "-N", "1"),
    '    cache_store("local", "ha1_{user}", "{ha1}");\n',
    '$du = "sip:',
)


@contextmanager
def behind(
    proxy: Proxy, folder: Path, transport: str = "tcp", change: Callable[[str], str] = str
) -> Iterator[Site]:
    """Run a server, its standby and a proxy before them, as the page says, on free ports.

    Args:
        proxy: which.
        folder: for configurations and logs.
        transport: `udp`, `tcp` or `tls`: what the proxy speaks to the server.
        change: is given the page, and gives what is followed.
    """
    command = proxy.command(folder)
    text = (ROOT / f"docs/howto/behind-{proxy.name}.md").read_text("utf-8")
    text = on_free_ports(change(text)).replace("transport=tcp", f"transport={transport}")
    if transport == "tls":
        text = text.replace('"tcp:127', '"tls:127')
    files = {step.path: step.text for step in steps(text) if isinstance(step, WrittenFile)}
    config = files[f"/etc/{proxy.name}/{proxy.name}.cfg"]
    ports = {name: _port(config, f"{name}:") for name in ("udp", "tcp", "tls")}
    with ExitStack() as running:
        starts = [
            partial(_instance, folder / name, files[f"{name}/dfks.yaml"])
            for name in ("first", "standby")
        ]
        first, standby = (running.enter_context(start()) for start in starts)
        _write(proxy, folder, files)
        running.enter_context(run_proxy(command, folder / "proxy.log", ports["tcp"]))
        yield Site(first, ports, _port(config, proxy.pbx), standby, starts[0])


def _port(text: str, before: str) -> int:
    return int(text.split(f"{before}127.0.0.1:")[1][:5])


@contextmanager
def _instance(folder: Path, settings: str) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    certificate, key = authority().files(folder, "localhost", "127.0.0.1")
    config = yaml.safe_load(settings)
    assert config.keys() >= {"sip", "auth", "policies", "store", "mi"}, "`serve` would add them"
    with suppress(FileExistsError):
        (folder.parent / "policies").symlink_to(ROOT / "policies")
    config["sip"]["tls"] = {"certificate": str(certificate), "key": str(key)}
    with serve(folder, config) as server:
        yield server


def _write(proxy: Proxy, folder: Path, files: dict[str, str]) -> None:
    """Write its files, with the accounts of all users, and its certificate."""
    etc = f"/etc/{proxy.name}/"
    accounts = [proxy.account.format(user=user, ha1=ha1_of(user, "MD5")) for user in USERS]
    assert accounts[0] in files[f"{etc}{proxy.name}.cfg"]
    for path, text in files.items():
        if path.startswith(etc):
            file = folder / path.removeprefix(etc)
            file.parent.mkdir(exist_ok=True)
            moved = text.replace(etc, f"{folder}/").replace(accounts[0], "".join(accounts))
            if "OPENSIPS_MODULES" in os.environ:
                modules = os.environ["OPENSIPS_MODULES"]
                moved = moved.replace("/usr/lib/x86_64-linux-gnu/opensips/modules", modules)
            file.write_text(moved)
    shown, key = authority().files(folder, "localhost", "127.0.0.1")
    shown.rename(folder / "cert.pem")
    key.rename(folder / "key.pem")


@contextmanager
def run_proxy(command: list[str], log: Path, port: int) -> Iterator[None]:
    """Run a proxy, a process with many children, until the block ends."""
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=log.parent, stdout=errors, stderr=errors, start_new_session=True
        ) as process,
    ):
        try:
            deadline = time.monotonic() + WITHIN
            while not _listens(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):  # sometimes it does not stop
                process.wait(STOP_WITHIN)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
