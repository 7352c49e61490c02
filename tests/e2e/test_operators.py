"""Operators' commands on a real server, with a phone that is told."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.server import ROOT, Server, serve
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e

_DFKS = str(Path(sys.executable).with_name("dfks"))


def _url(server: Server) -> str:
    [url] = re.findall(r"^  api (\S+)$", server.banner, re.MULTILINE)
    return str(url)


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([_DFKS, *arguments], capture_output=True, text=True, check=False)


def test_who_forwards_outside_is_shown_and_then_deleted(tmp_path: Path) -> None:
    """By the number plan in force; the key goes out, and the journal says who did it."""
    examples = ROOT / "policies/examples"
    config = {
        "policies": [str(ROOT / "policies/default"), str(examples / "toll-fraud/numbers.yaml")],
        "store": f"sqlite:{tmp_path / 's.db'}",
        "http": {"listen": "127.0.0.1:0"},
    }
    with (
        serve(tmp_path, config) as server,
        Ua(server.ports["udp"], "sip:alice@acme.example") as phone,
    ):
        phone.subscribe()
        for user, target in (("alice", "+499001234567"), ("bob", "sip:alice@acme.example")):
            server.mi(
                "dfks:set_feature",
                presentity=f"sip:{user}@acme.example",
                feature="CallForwardingAlways",
                status=1,
                values=[f"forwardTo/{target}"],
            )
        assert phone.notify().told["CallForwardingAlways"] == "on +499001234567"
        who = _run("who", "--outside", "--url", _url(server))
        assert who.returncode == 0, who.stderr
        (row,) = who.stdout.splitlines()[1:]
        assert row.split()[:4] == [
            *("sip:alice@acme.example", "CallForwardingAlways", "+499001234567", "premium"),
        ]
        deleted = _run("delete", "sip:alice@acme.example", "--yes", "--url", _url(server))
        assert deleted.stdout == (
            "sip:alice@acme.example: deleted CallForwardingAlways; revision 2\n"
        )
        assert phone.notify().told["CallForwardingAlways"].startswith("off")
        history = _run("history", "sip:alice@acme.example", "--config", str(tmp_path / "dfks.yaml"))
        assert re.search(r"on forwardTo=\+499001234567 → off +operator +api ", history.stdout)
        exported = _run("export", "--url", _url(server)).stdout
        assert "alice@acme.example,CallForwardingAlways" not in exported
        assert exported.count("\n") == 2
