"""`dfks health`, as a container or a load balancer runs it."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import DfksError

Handle = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def _server(handle: Handle) -> Iterator[str]:
    """What answers every request on a free port; gives `HOST:PORT`."""

    class Handler(BaseHTTPRequestHandler):
        do_GET = do_POST = handle  # noqa: N815 - as its base calls them

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _answers(status: int, body: str) -> Handle:
    def handle(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())

    return handle


def _health(*options: str) -> str:
    result = CliRunner().invoke(dfks, ["health", *options], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_server_that_is_ready_is_healthy() -> None:
    """Exit code 0."""
    with _server(_answers(200, "{}")) as where:
        assert _health("--url", f"http://{where}/readyz") == "OK: the server is ready\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"checks": {"policies": "ok", "store": "failing"}}', "not ready: store failing"),
        ("[]", "not ready: 503"),
        ("<html>", "not ready: 503"),
    ],
)
def test_server_that_is_not_ready_says_why(answer: str, told: str) -> None:
    """Exit code 1, as of every error."""
    with _server(_answers(503, answer)) as where, pytest.raises(DfksError) as caught:
        _health("--url", f"http://{where}/readyz")
    assert caught.value.message == told


def test_settings_say_where_to_ask(tmp_path: Path) -> None:
    """The API knows more than MI."""
    file = tmp_path / "dfks.yaml"
    reply = json.dumps({"jsonrpc": "2.0", "id": "1", "result": {}})
    with _server(_answers(200, reply)) as mi, _server(_answers(200, "{}")) as api:
        file.write_text(f'mi: {{http: {{listen: "{mi}"}}}}\n')
        assert _health("--config", str(file)) == "OK: the server answers operators\n"
        file.write_text(f'http: {{listen: "{api}"}}\n')
        assert _health("--config", str(file)) == "OK: the server is ready\n"


@pytest.mark.parametrize("path", ["/readyz", "/mi"])
def test_nobody_there_is_an_error(path: str) -> None:
    """The port was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}{path}"
    with pytest.raises(DfksError, match=f"cannot reach the server at {url}: Connection refused"):
        _health("--url", url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:x/readyz", "http:///readyz", "readyz"])
def test_url_that_is_none_is_an_error(url: str) -> None:
    """In one line, not in a traceback."""
    with pytest.raises(DfksError):
        _health("--url", url)
