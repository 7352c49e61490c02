"""`dfks phone`: a test phone that shows what a real one would."""

import asyncio
import contextlib
import re
import socket
import sys

import click

from dfks_rules.cli.phone_bodies import KeyPress, parse_key_press, readable, request_body
from dfks_rules.cli.phone_dialog import Dialog, answer
from dfks_rules.errors import MalformedMessageError
from dfks_rules.policy.words.wording import printable
from dfks_rules.sip.message import Request, Response, parse_message
from dfks_rules.sip.uri import DEFAULT_PORT, aor_of, parse_uri

ANSWER_WITHIN = 8.0
"""How long the phone waits for a response or a NOTIFY, s."""
_SECONDS = re.compile(rb"[0-9]{1,9}")


@click.command()
@click.argument("presentity")
@click.option("--set", "wishes", multiple=True, metavar="FEATURE=on|off[,field=value…]")
@click.option("--watch", is_flag=True, help="Keep running and print later changes until Ctrl-C.")
@click.option("--server", help="HOST:PORT to send to; default: the host of PRESENTITY.")
@click.option("--expires", default=3600, show_default=True, help="Requested duration, s.")
def command(
    presentity: str, wishes: tuple[str, ...], *, watch: bool, server: str | None, expires: int
) -> None:
    """Subscribe to PRESENTITY (sip:user@host:port), press keys, and print each NOTIFY."""
    try:
        keys = [parse_key_press(wish) for wish in wishes]
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
    except (OSError, TimeoutError, PhoneError, MalformedMessageError) as error:
        click.echo(f"phone: {str(error) or 'no answer'}", err=True)
        sys.exit(1)


class PhoneError(Exception):
    """The server refused."""


async def _use(phone: "Phone", keys: list[KeyPress], expires: int, *, watch: bool) -> None:
    await phone.open()
    print(f"subscribing to {phone.aor}")
    await phone.subscribe(expires)
    for wish in keys:
        print(f"pressing {wish}")
        await phone.subscribe(expires, request_body(wish))
    if watch and not phone.is_over:
        print("watching; press Ctrl-C to stop", flush=True)
        try:
            await phone.watch(expires)
        except asyncio.CancelledError:
            # Else the server keeps a subscription whose phone is gone.
            with contextlib.suppress(TimeoutError, PhoneError):
                await phone.subscribe(0)
            raise
        print("the server ended the subscription")
    elif not phone.is_over:
        await phone.subscribe(0)


class Phone:
    """One UDP phone, with one subscription at a time."""

    def __init__(self, aor: str, server: tuple[str, int]) -> None:
        """`server` is where everything is sent."""
        self.aor = aor
        self._server = server
        self._responses: asyncio.Queue[Response | None] = asyncio.Queue()
        self._notified = asyncio.Event()
        self._ended = asyncio.Event()
        self._granted = 0

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the subscription."""
        return self._ended.is_set()

    async def open(self) -> None:
        """Bind a socket that reaches the server.

        Raises:
            PhoneError: the server's name is unknown.
        """
        family = socket.AF_INET6 if ":" in self._server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.connect(self._server)
        except socket.gaierror as error:
            raise PhoneError(f"{self._server[0]}: {error.strerror}") from None
        self._socket.settimeout(0)
        host, port = self._socket.getsockname()[:2]
        self._address = f"{_host(host)}:{port}"
        self._dialog = Dialog(self.aor, self._address)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

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
        self._socket.send(answer(request))
        print(f"NOTIFY {_shown(request.headers.get(b'subscription-state', b''))}")
        content_type = _shown(request.headers.get(b"content-type", b""))
        for line in readable(content_type, request.body):
            print(f"  {line}")
        sys.stdout.flush()
        self._notified.set()
        if self._dialog.is_ended_by(request):
            self._ended.set()

    async def watch(self, expires: int) -> None:
        """Refresh the subscription until the server ends it."""
        while not self.is_over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(1, self._granted / 2)):
                    await self._ended.wait()
                return
            await self.subscribe(expires)

    async def subscribe(self, expires: int, body: bytes = b"") -> None:
        """Send a SUBSCRIBE; return when it was answered and a NOTIFY came.

        Raises:
            PhoneError: the answer is an error.
            TimeoutError: nobody answered.
        """
        if self.is_over:
            self._dialog = Dialog(self.aor, self._address)
            self._ended.clear()
        self._notified.clear()
        response = await self._exchange(self._dialog.subscribe(expires, body))
        if response.status >= 300:
            raise PhoneError(f"the server answered {response.status} {printable(response.reason)}")
        self._dialog.accepted(response)
        granted = response.headers.get(b"expires", b"")
        self._granted = int(granted) if _SECONDS.fullmatch(granted) else expires
        async with asyncio.timeout(ANSWER_WITHIN):
            await self._notified.wait()

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
                                where = f"{_host(self._server[0])}:{self._server[1]}"
                                raise PhoneError(f"no SIP server at {where}")
                            if self._dialog.is_answer(response):
                                return response
                except TimeoutError:
                    wait *= 2


def _shown(value: bytes) -> str:
    """A header value for a terminal, which must not obey what a server sends."""
    return printable(value.decode(errors="replace"))


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
