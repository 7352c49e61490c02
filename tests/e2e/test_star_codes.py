"""Star codes, from the switch to the lamp."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.server import ROOT, Server, serve
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e


def _url(server: Server) -> str:
    [url] = re.findall(r"^  api (\S+)$", server.banner, re.MULTILINE)
    return str(url)


def _dial(server: Server, digits: str) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own server's
        f"{_url(server)}/v1/presentities/sip:alice@acme.example/dialled",
        json.dumps({"digits": digits}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        said: dict[str, Any] = json.load(response)
    return said


def test_a_code_is_decided_by_the_policies_and_shown_on_the_phone(tmp_path: Path) -> None:
    """As the example has it: only extensions may be dialled."""
    config = {
        "policies": [str(ROOT / "policies/default"), str(ROOT / "policies/examples/star-codes")],
        "http": {"listen": "127.0.0.1:0"},
    }
    with (
        serve(tmp_path, config) as server,
        Ua(server.ports["udp"], "sip:alice@acme.example") as phone,
    ):
        assert phone.subscribe().told["CallForwardingAlways"].startswith("off")
        said = _dial(server, "*72201")
        assert (said["say"], said["target"]) == ("forward-on", "201")
        assert phone.notify().told["CallForwardingAlways"] == "on 201"
        said = _dial(server, "*7200301234567")
        assert (said["say"], said["reason"]) == ("refused", "extensions-only")
        assert said["rule"] == "star-codes/extensions-only"
        assert [_dial(server, "*76")["say"] for _ in range(2)] == ["dnd-on", "dnd-off"]
        assert _dial(server, "*73")["say"] == "forward-off"
        assert _dial(server, "*99") == {"say": "unknown-code"}
