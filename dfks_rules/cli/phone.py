"""`dfks phone`: a test phone that shows what a real one would."""

import asyncio
import os
import re
import socket
import sys
from dataclasses import dataclass, field

import click

from dfks_rules.cli.phone_bodies import Wish, parse_wish, readable, request_body
from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.message import Request, Response, parse_message
from dfks_rules.sip.uri import DEFAULT_PORT, aor_of, parse_uri

ANSWER_WITHIN = 8.0
"""How long the phone waits for a response or a NOTIFY, s."""


@click.command()
@click.argument("presentity")
@click.option("--set", "wishes", multiple=True, metavar="FEATURE=on|off[,field=value…]")
@click.option("--watch", is_flag=True, help="Stay, and print changes by others, until Ctrl-C.")
@click.option("--server", help="HOST:PORT to send to; default: the host of PRESENTITY.")
@click.option("--expires", default=3600, show_default=True, help="Requested duration, s.")
def command(
    presentity: str, wishes: tuple[str, ...], *, watch: bool, server: str | None, expires: int
) -> None:
    """Subscribe to PRESENTITY (sip:user@host:port), press keys, and print each NOTIFY."""
    try:
        keys = [parse_wish(wish) for wish in wishes]
        uri = parse_uri(presentity.encode())
        if not uri.user:
            raise click.UsageError("PRESENTITY needs a user: sip:user@host")
        host, port = uri.host.decode().strip("[]"), uri.port or DEFAULT_PORT
        if server is not None:
            host, _, text = server.rpartition(":")
            host, port = host.strip("[]"), int(text)
    except (MalformedMessageError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    phone = Phone(aor_of(uri).uri, (host, port))
    try:
        asyncio.run(_use(phone, keys, expires, watch=watch))
    except KeyboardInterrupt:
        return
    except (OSError, TimeoutError, PhoneError) as error:
        click.echo(f"phone: {str(error) or 'no answer'}", err=True)
        sys.exit(1)


class PhoneError(Exception):
    """The server refused."""


async def _use(phone: "Phone", keys: list[Wish], expires: int, *, watch: bool) -> None:
    await phone.open()
    print(f"subscribing to {phone.aor}")
    await phone.subscribe(expires)
    for wish in keys:
        print(f"pressing {wish}")
        await phone.subscribe(expires, request_body(wish))
    if watch:
        print("watching; Ctrl-C ends")
        while True:
            await asyncio.sleep(max(1, expires / 2))
            await phone.subscribe(expires)
    await phone.subscribe(0)


@dataclass
class Phone:
    """One dialog of one UDP phone."""

    aor: str
    server: tuple[str, int]
    call_id: str = field(default_factory=lambda: os.urandom(8).hex())
    tag: str = field(default_factory=lambda: os.urandom(4).hex())
    remote_tag: str = ""
    remote_target: str = ""
    cseq: int = 0

    async def open(self) -> None:
        """Bind a socket that reaches the server."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.connect(self.server)
        self._socket.settimeout(0)
        host, port = self._socket.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._responses: asyncio.Queue[Response | None] = asyncio.Queue()
        self._notified: asyncio.Queue[bytes] = asyncio.Queue()
        loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        try:
            data = self._socket.recv(65_535)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            self._responses.put_nowait(None)
            return
        message = parse_message(data)
        if isinstance(message, Response):
            self._responses.put_nowait(message)
        elif message is not None and message.method == b"NOTIFY":
            self._answer(message)

    def _answer(self, request: Request) -> None:
        echoed = (b"via", b"from", b"to", b"call-id", b"cseq")
        lines = [b"%b: %b" % (name.title(), request.headers[name]) for name in echoed]
        message = [b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""]
        self._socket.send(b"\r\n".join(message))
        state = request.headers.get(b"subscription-state", b"").decode()
        print(f"NOTIFY {state}")
        content_type = request.headers.get(b"content-type", b"").decode()
        for line in readable(content_type, request.body):
            print(f"  {line}")
        sys.stdout.flush()
        self._notified.put_nowait(b"")

    async def subscribe(self, expires: int, body: bytes = b"") -> None:
        """Send a SUBSCRIBE; return when it was answered and a NOTIFY came.

        Raises:
            PhoneError: the answer is an error.
            TimeoutError: nobody answered.
        """
        while not self._notified.empty():
            self._notified.get_nowait()
        self.cseq += 1
        message = self._message(expires, body)
        response = await self._exchange(message)
        if response.status >= 300:
            raise PhoneError(f"the server answered {response.status} {response.reason}")
        to = response.headers[b"to"].decode()
        found = re.search(r";tag=([^;]+)", to)
        self.remote_tag = found[1] if found else ""
        contact = re.search(r"<([^>]+)>", response.headers.get(b"contact", b"").decode())
        self.remote_target = contact[1] if contact else self.aor
        async with asyncio.timeout(ANSWER_WITHIN):
            await self._notified.get()

    async def _exchange(self, message: bytes) -> Response:
        wait = 0.5
        async with asyncio.timeout(ANSWER_WITHIN):
            while True:
                self._socket.send(message)
                try:
                    async with asyncio.timeout(wait):
                        while True:
                            response = await self._responses.get()
                            if response is None:
                                where = f"{_host(self.server[0])}:{self.server[1]}"
                                raise PhoneError(f"nobody serves SIP at {where}")
                            if response.headers[b"cseq"].startswith(b"%d " % self.cseq):
                                return response
                except TimeoutError:
                    wait *= 2

    def _message(self, expires: int, body: bytes) -> bytes:
        to = f"<{self.aor}>;tag={self.remote_tag}" if self.remote_tag else f"<{self.aor}>"
        target = self.remote_target or self.aor
        head = [
            f"SUBSCRIBE {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address};rport;branch=z9hG4bK{os.urandom(8).hex()}",
            "Max-Forwards: 70",
            f"From: <{self.aor}>;tag={self.tag}",
            f"To: {to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} SUBSCRIBE",
            f"Contact: <sip:phone@{self.address}>",
            "Event: as-feature-event",
            f"Expires: {expires}",
            "Accept: application/x-as-feature-event+xml, multipart/mixed",
            "User-Agent: dfks-phone",
        ]
        if body:
            head.append("Content-Type: application/x-as-feature-event+xml")
        head += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(head).encode() + body


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
