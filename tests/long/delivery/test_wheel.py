"""Wheels, installed as whoever has nothing but them would: without the checkout, or an index."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from dfks_rules.console.files import read_files
from tests.helpers.server import Server
from tests.long.delivery.conftest import run

pytestmark = [pytest.mark.long, pytest.mark.e2e, pytest.mark.timeout(900)]


def _installed(wheels: Path, wheel: Path, folder: Path) -> Path:
    """The program, in an empty virtual environment."""
    run(sys.executable, "-m", "venv", folder)
    pip = (folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-index")
    run(*pip, "--find-links", wheels, wheel)
    return folder / "bin/dfks"


def _serves(dfks: Path, folder: Path) -> None:
    """What `dfks init` lays out is served, and a phone's key works."""
    run(dfks, "init", "site", cwd=folder)
    site = folder / "site"
    assert run(dfks, "config", "check", cwd=site) == "dfks.yaml: OK\n"
    assert " 0 failed\n" in run(dfks, "policy", "test", "policies", cwd=site)
    free = {
        "DFKS_SIP__LISTEN": "udp:127.0.0.1:0",
        "DFKS_MI__HTTP__LISTEN": "127.0.0.1:0",
        "DFKS_HTTP__LISTEN": "127.0.0.1:0",
    }
    command = [str(dfks), "serve"]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, cwd=site, env=free, stdout=subprocess.PIPE, stderr=log) as one,
    ):
        server = Server(one)
        try:
            address = f"sip:alice@127.0.0.1:{server.ports['udp']}"
            pressed = run(dfks, "phone", address, "--set", "DoNotDisturb=on", cwd=folder)
            assert "pressing DoNotDisturb on\nNOTIFY active" in pressed
            assert pressed.count("DoNotDisturb           on") == 2
            (api,) = re.findall(r"api (http://[^/\s]+)", server.banner)
            for url in (server.mi_url, f"{api}/readyz"):
                assert run(dfks, "health", "--url", url, cwd=folder).startswith("OK")
            _shows_the_console(api)
            _answers_in_german(api)
            assert server.stop() == 0
        finally:
            one.kill()


def _shows_the_console(api: str) -> None:
    """Each of its files is in the wheel, and nothing else is needed: Node is not in this path."""
    page = _fetched(f"{api}/console/").decode()
    (folder,) = set(re.findall(r'"([0-9a-f]{16})/', page))
    for name, body in read_files().items():
        if name != "index.html":
            assert _fetched(f"{api}/console/{folder}/{name}") == body
    assert _fetched(f"{api}/console/{folder}/policy.de.schema.json").startswith(b"{")


def _answers_in_german(api: str) -> None:
    """What the server says in German is in the wheel, too."""
    url, german = f"{api}/v1/nowhere", {"Accept-Language": "de"}
    asked = urllib.request.Request(url, headers=german)  # noqa: S310 - our own server's
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=60)  # noqa: S310 - the same
    assert json.load(refused.value)["title"] == "Nicht gefunden"


def _fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own server's
        body: bytes = answer.read()
    return body


def test_compiled_wheel_serves_without_the_checkout(wheels: Path, tmp_path: Path) -> None:
    """And its name says on which systems."""
    (wheel,) = wheels.glob("dfks_rules-*.whl")
    version = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert re.search(rf"-{version}-{version}-(many|musl)linux\w+_x86_64|aarch64", wheel.name)
    dfks = _installed(wheels, wheel, tmp_path / "venv")
    code = "import dfks_rules.sip.uri as one; print(one.__file__)"
    assert run(tmp_path / "venv/bin/python", "-c", code, cwd=tmp_path).endswith(".so\n")
    _serves(dfks, tmp_path)


def test_pure_wheel_serves_too(sources: Path, wheels: Path, tmp_path: Path) -> None:
    """For platforms for which nobody has compiled one."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps")
    run(*pip, "--wheel-dir", tmp_path, sources, HATCH_BUILD_NO_HOOKS="true")
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    _serves(_installed(wheels, wheel, tmp_path / "venv"), tmp_path)
