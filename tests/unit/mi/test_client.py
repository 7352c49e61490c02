"""What can go wrong on the client's side; the transports' tests use it when all goes well."""

import json
import os
from pathlib import Path

import pytest

from dfks_rules.errors import DfksError
from dfks_rules.mi.client import call, open_url
from dfks_rules.mi.errors import CallError


@pytest.mark.parametrize(
    "url",
    [
        "",
        "fifo:",
        "unix:",
        "udp:127.0.0.1",
        "udp:127.0.0.1:99999",
        "ftp://x",
        "127.0.0.1:1",
        "http:x",
    ],
)
def test_url_that_leads_nowhere_is_refused(url: str) -> None:
    """The message says what a URL looks like."""
    with pytest.raises(DfksError, match="HOST:PORT") as caught:
        open_url(url)
    assert caught.value.code == "mi_bad_url"


def test_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    """On every transport that can know; none may hang."""
    os.mkfifo(tmp_path / "fifo")
    for url in (f"fifo:{tmp_path}/none", f"fifo:{tmp_path}/fifo", f"unix:{tmp_path}/none"):
        with pytest.raises(DfksError, match=f"cannot reach the server at {url}: ") as caught:
            call(open_url(url), "ps", {})
        assert caught.value.code == "mi_unreachable"
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"]


@pytest.mark.parametrize(
    "reply", [b"", b"<html>", b"[]", b"1", b"{}", b'{"error":1}', b'{"error":{}}']
)
def test_reply_that_is_no_json_rpc_is_told(reply: bytes) -> None:
    """Another server may listen there."""
    with pytest.raises(DfksError) as caught:
        call(lambda data: reply, "ps", {})
    assert caught.value.code == "mi_bad_reply"


def test_error_of_the_server_keeps_code_and_data() -> None:
    """Exit codes hang on them."""
    error = {"code": 403, "message": "no", "data": {"reason": "toll-fraud"}}
    reply = json.dumps({"jsonrpc": "2.0", "error": error, "id": "1"}).encode()
    with pytest.raises(CallError) as caught:
        call(lambda data: reply, "ps", {})
    assert (caught.value.code, caught.value.data) == (403, {"reason": "toll-fraud"})
