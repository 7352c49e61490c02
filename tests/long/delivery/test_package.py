"""The Debian package, in a clean system whose service manager is the real one."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.published import ROOT
from tests.long.delivery.conftest import needed, run

pytestmark = [pytest.mark.long, pytest.mark.e2e, pytest.mark.timeout(900)]

BOOTED_WITHIN = 60.0
"""Seconds that systemd has to boot, and a command to succeed."""


class _System:
    """A system that runs."""

    def __init__(self, leader: int) -> None:
        self._enter = ["nsenter", "-t", str(leader), "-m", "-p", "-u", "-i", "-n", "-C"]

    def run(self, line: str) -> str:
        """What a command line prints; it has to succeed."""
        return run(*self._enter, "sh", "-euc", f"exec 2>&1; cd /etc/dfks || cd /; {line}")

    def can(self, line: str) -> bool:
        """Whether it succeeds."""
        with contextlib.suppress(AssertionError):
            self.run(line)
            return True
        return False

    def property(self, name: str) -> str:
        """What systemd says of the service."""
        return self.run(f"systemctl show --property {name} --value dfks.service").strip()

    def until(self, line: str) -> None:
        """Wait until a command succeeds."""
        _until(lambda: self.can(line), line)


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BOOTED_WITHIN
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@contextmanager
def _booted(folder: Path) -> Iterator[_System]:
    """The system in a folder, as process 1 of namespaces of its own."""
    group = f"dfks-test-{os.getpid()}"
    boot = Path(__file__).with_name("boot.sh")
    with (
        (folder.parent / "boot.log").open("wb") as log,
        subprocess.Popen(
            ["sh", boot, folder, group], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield _System(_leader(process))
        finally:
            # `unshare --kill-child`: all of it ends with its first process.
            process.kill()
            process.wait()
            _remove_groups(group)


def _leader(process: "subprocess.Popen[bytes]") -> int:
    """Process 1 of the system, once it has booted."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + BOOTED_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        for child in children.read_text("ascii").split():
            system = _System(int(child))
            with contextlib.suppress(AssertionError):
                system.run("systemctl is-active multi-user.target")
                return int(child)
        time.sleep(0.2)
    pytest.skip("systemd cannot be booted here")


def _remove_groups(group: str) -> None:
    """Remove the cgroups, once the last process has left them."""
    top = Path("/sys/fs/cgroup")
    found = [one for one in (top / group, *top.glob(f"*/{group}")) if one.is_dir()]

    def are_gone() -> bool:
        for folder in found:
            for one in (*sorted(folder.rglob("*/"), reverse=True), folder):
                with contextlib.suppress(OSError):
                    one.rmdir()
        return not any(folder.exists() for folder in found)

    _until(are_gone, group)


@pytest.fixture
def system(sources: Path, wheels: Path, clean_system: Path, tmp_path: Path) -> Iterator[_System]:
    """A clean system that runs, and has the package in /root."""
    needed("dpkg-deb", "nsenter", "unshare")
    folder = tmp_path / "system"
    folder.mkdir()
    run("tar", "--numeric-owner", "-xpf", clean_system, "-C", folder)
    target = folder / "root"
    run(sources / "deploy/debian/build.sh", wheels, target, PYTHON=sys.executable)
    try:
        with _booted(folder) as one:
            yield one
    finally:
        shutil.rmtree(folder)


def test_package_serves_under_the_hardened_unit(system: _System) -> None:
    """From the installation to the purge, with each thing that an operator does in between."""
    system.run("cd /root; dpkg -i dfks-rules_*.deb")
    system.run("systemctl enable --now dfks.socket dfks.service")
    dfks = "setpriv --reuid dfks --regid dfks --init-groups dfks"
    press = "dfks phone sip:alice@127.0.0.1:5060 --set DoNotDisturb=on"
    assert system.run(press).count("DoNotDisturb           on") == 2
    assert system.run(f"{dfks} health").startswith("OK")
    assert system.run(f"{dfks} store check").endswith("OK\n")
    assert "no new privileges" not in system.run("systemctl status dfks --no-pager")
    status = system.run(f"cat /proc/{system.property('MainPID')}/status")
    # CAP_NET_BIND_SERVICE, and nothing else.
    assert re.findall(r"Cap(?:Prm|Eff|Bnd|Amb):\t0*400\n", status) != []
    assert len(re.findall(r"^Cap\w+:\t0*400$", status, re.MULTILINE)) == 5

    # The process that checks policies works under the filter of system calls.
    log = "journalctl --no-pager -o cat -u dfks"
    system.run("sed -i 's/Calls would come back/Calls would return/' policies/forwarding.yaml")
    system.until(f"{log} | grep -c policy_activated | grep -q 2")
    system.run("systemctl reload dfks")
    system.until(f"{log} | grep policy_reload_unchanged")

    first = system.property("MainPID")
    # An upgrade hands over; here it is to the same version.
    system.run("cd /root; dpkg -i dfks-rules_*.deb")
    system.until(f"{log} | grep '\"handed_over\"'")
    _until(lambda: system.property("ActiveState") == "active", "active again")
    assert system.property("MainPID") != first
    assert system.property("NRestarts") == "0"

    # A loop that is stuck: the watchdog starts the server again, with what it had stored.
    limit = "/run/systemd/system/dfks.service.d"
    system.run(f"mkdir -p {limit}; printf '[Service]\\nWatchdogSec=2s\\n' > {limit}/limit.conf")
    system.run("systemctl daemon-reload; systemctl restart dfks")
    system.run(f"kill -STOP {system.property('MainPID')}")
    _until(lambda: system.property("NRestarts") == "1", "started again")
    system.until(f"{log} | grep 'Fatal Python error: Aborted'")
    system.until(f"{dfks} health")
    told = system.run("dfks phone sip:alice@127.0.0.1:5060")
    assert "DoNotDisturb           on" in told

    system.run("dpkg --remove dfks-rules")
    assert not system.can("systemctl is-active dfks.socket")
    assert system.can("test -e /var/lib/dfks/dfks.db -a -e dfks.yaml")
    system.run("cd /; dpkg --purge dfks-rules; ! test -e /var/lib/dfks; ! test -e /etc/dfks")


def test_package_names_what_it_is_made_of() -> None:
    """The scripts of the package are those that the build takes."""
    build = (ROOT / "deploy/debian/build.sh").read_text("utf-8")
    (named,) = re.findall(r"for script in (.*); do", build)
    scripts = {path.name for path in (ROOT / "deploy/debian").iterdir()} - {"build.sh"}
    assert set(named.split()) == scripts
