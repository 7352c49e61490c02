"""The client side: one call to a running server, over any transport."""

import http.client
import json
import os
import select
import socket
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dfks_rules.errors import DfksError
from dfks_rules.mi.errors import CallError
from dfks_rules.mi.jsonrpc import Params

TIMEOUT = 5.0
"""Seconds to wait for a reply; a set waits for its commit."""
MAX_REPLY = 16 * 1024 * 1024
"""Largest reply accepted, in bytes."""

Exchange = Callable[[bytes], bytes]
"""Sends one request and returns its reply; raises `mi_unreachable` when there is no server."""


def call(exchange: Exchange, method: str, params: Params) -> Any:
    """The result of one call.

    Raises:
        CallError: the server answered with an error.
        DfksError: `mi_unreachable` when there is no server, `mi_bad_reply` when the answer is not
            JSON-RPC.
    """
    request = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
    data = exchange(json.dumps(request).encode())
    try:
        reply = json.loads(data)
        if "error" not in reply:
            return reply["result"]
        error_ = reply["error"]
        failure = CallError(error_["code"], error_["message"], error_.get("data"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DfksError("mi_bad_reply", "the reply is not JSON-RPC") from error
    raise failure


def open_url(url: str, *, reply_dir: Path | None = None, secret: str | None = None) -> Exchange:
    """A function that exchanges messages with the server at a URL.

    Args:
        url: `http://HOST:PORT/mi`, `udp:HOST:PORT`, `unix:PATH` or `fifo:PATH`.
        reply_dir: for a FIFO, where the server looks for reply FIFOs; None: the FIFO's own folder.
        secret: shared secret for HTTP; else the password in the URL.

    Raises:
        DfksError: `mi_bad_url`.
    """
    send = _way_to(url, reply_dir, secret)

    def exchange(data: bytes) -> bytes:
        try:
            return send(data)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or "no reply"
            message = f"cannot reach the server at {url}: {reason}"
            raise DfksError("mi_unreachable", message) from error

    return exchange


def _way_to(url: str, reply_dir: Path | None, secret: str | None) -> Callable[[bytes], bytes]:
    scheme, _, rest = url.partition(":")
    if scheme == "fifo" and rest:
        return lambda data: _by_fifo(Path(rest), reply_dir or Path(rest).parent, data)
    if scheme == "unix" and rest:
        return lambda data: _by_unix(rest, data)
    parts = urllib.parse.urlsplit(f"//{rest}" if scheme == "udp" else url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if scheme == "udp" and host and port:
        return lambda data: _by_udp(host, port, data)
    if scheme == "http" and host:
        word = secret or (parts.password and urllib.parse.unquote(parts.password))
        return lambda data: _by_http(host, port or 80, parts.path or "/", word, data)
    message = f"`{url}` is not http://HOST:PORT/PATH, udp:HOST:PORT, unix:PATH or fifo:PATH"
    raise DfksError("mi_bad_url", message)


def _by_http(host: str, port: int, path: str, secret: str | None, data: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("POST", path, data, headers)
        response = connection.getresponse()
        if response.status != 200:
            message = f"{response.status} {response.reason}"
            raise http.client.HTTPException(message)
        return response.read(MAX_REPLY)
    finally:
        connection.close()


def _by_udp(host: str, port: int, data: bytes) -> bytes:
    family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        return _by_socket(sock, target, data)


def _by_unix(path: str, data: bytes) -> bytes:
    # The server needs an address to which to reply.
    with (
        tempfile.TemporaryDirectory(prefix="dfks_mi_") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind(f"{folder}/reply")
        return _by_socket(sock, path, data)


def _by_socket(sock: socket.socket, target: Any, data: bytes) -> bytes:
    sock.settimeout(TIMEOUT)
    sock.connect(target)
    sock.send(data)
    return sock.recv(MAX_REPLY)


def _by_fifo(path: Path, reply_dir: Path, data: bytes) -> bytes:
    name = f"dfks_mi_reply_{os.getpid()}_{time.monotonic_ns()}"
    reply_path = reply_dir / name
    os.mkfifo(reply_path, 0o600)
    try:
        # Open before writing the request, so that the server finds a reader at once.
        reader = os.open(reply_path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(writer, f":{name}:".encode() + data)
            finally:
                os.close(writer)
            return _read_to_end(reader)
        finally:
            os.close(reader)
    finally:
        reply_path.unlink()


def _read_to_end(reader: int) -> bytes:
    """Everything written until the writer closes."""
    deadline = time.monotonic() + TIMEOUT
    reply = b""
    while len(reply) < MAX_REPLY:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(reader, 65536)
        if not piece:
            break
        reply += piece
    return reply
