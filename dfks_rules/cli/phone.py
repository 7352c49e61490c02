"""`dfks phone`: a test phone that shows what a real one would."""

import asyncio
import contextlib
import re
import socket
import ssl
import sys

import click

from dfks_rules.cli.passwords import read_password
from dfks_rules.cli.phone_auth import Answerer
from dfks_rules.cli.phone_bodies import KeyPress, parse_key_press, readable, request_body
from dfks_rules.cli.phone_dialog import Dialog, answer
from dfks_rules.cli.phone_wire import Datagrams, SecureConnection, Wire, host_port
from dfks_rules.errors import MalformedMessageError
from dfks_rules.policy.words.wording import printable
from dfks_rules.sip.message import Request, Response, parse_message
from dfks_rules.sip.uri import DEFAULT_PORT, SipUri, aor_of, parse_uri

TLS_PORT = 5061
"""Where a server is that names no port (RFC 3261 §19.1.2)."""
ANSWER_WITHIN = 8.0
"""How long the phone waits for a response or a NOTIFY, s."""
MAX_PORT = 65_535
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
"""An IPv6 address needs brackets."""
_SECONDS = re.compile(rb"[0-9]{1,9}")


@click.command()
@click.argument("presentity")
@click.option("--set", "wishes", multiple=True, metavar="FEATURE=on|off[,field=value…]")
@click.option("--watch", is_flag=True, help="Keep running and print later changes until Ctrl-C.")
@click.option("--server", help="HOST or HOST:PORT to send to; default: those of PRESENTITY.")
@click.option("--user", help="Name to authenticate with; default: the user of PRESENTITY.")
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@click.option(
    "--tls", is_flag=True, help="Use TLS; the server's certificate must be for PRESENTITY's host."
)
@click.option(
    "--cafile",
    type=click.Path(exists=True, dir_okay=False),
    help="PEM file of the authority that signed the server's certificate; default: those that this"
    " machine trusts.",
)
@click.option("--expires", default=3600, show_default=True, help="Requested duration, s.")
def command(  # noqa: PLR0913 - one for each option
    presentity: str,
    wishes: tuple[str, ...],
    *,
    watch: bool,
    server: str | None,
    user: str | None,
    password_stdin: bool,
    tls: bool,
    cafile: str | None,
    expires: int,
) -> None:
    """Subscribe to PRESENTITY (sip:user@host:port), press keys, and print each NOTIFY."""
    try:
        keys = [parse_key_press(wish) for wish in wishes]
        uri = _uri_of(presentity)
        name = host = uri.host.decode().strip("[]")
        tls = tls or uri.scheme == b"sips"
        if cafile is not None and not tls:
            raise click.UsageError("--cafile needs --tls, or a sips: PRESENTITY")
        port = uri.port or (TLS_PORT if tls else DEFAULT_PORT)
        if server is not None:
            host, port = _host_and_port(server, port)
    except (MalformedMessageError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    answerer = None
    if password_stdin:
        answerer = Answerer(user or aor_of(uri).user, read_password())
    try:
        wire = SecureConnection((host, port), name, cafile) if tls else Datagrams((host, port))
        phone = Phone(aor_of(uri).uri, wire, answerer)
        asyncio.run(_use(phone, keys, expires, watch=watch))
    except KeyboardInterrupt:
        return
    except ssl.SSLCertVerificationError as error:
        message = f"the server's certificate cannot be verified: {error.verify_message}"
        click.echo(f"phone: {message}", err=True)
        sys.exit(1)
    except (OSError, TimeoutError, PhoneError, MalformedMessageError) as error:
        click.echo(f"phone: {str(error) or 'no answer'}", err=True)
        sys.exit(1)


def _uri_of(presentity: str) -> SipUri:
    """The URI of a presentity, which may leave out `sip:`, as elsewhere on command lines."""
    has_scheme = presentity.lower().startswith(("sip:", "sips:"))
    try:
        uri = parse_uri((presentity if has_scheme else f"sip:{presentity}").encode())
    except MalformedMessageError:
        uri = None
    if uri is None or not uri.user:
        message = f"`{presentity}` is not a SIP address such as sip:alice@example.com"
        raise click.UsageError(message)
    return uri


def _host_and_port(text: str, port: int) -> tuple[str, int]:
    """Where `--server` says to send to; `port` unless it names one."""
    found = _SERVER.fullmatch(text)
    if found is None or int(found[2] or port) > MAX_PORT:
        raise click.UsageError(f"--server is HOST or HOST:PORT, not `{text}`")
    return found[1].strip("[]"), int(found[2] or port)


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
        print(phone.why_over)
    elif not phone.is_over:
        await phone.subscribe(0)


class Phone:
    """One phone, with one subscription at a time."""

    def __init__(self, aor: str, wire: Wire, answerer: Answerer | None = None) -> None:
        """Make a phone.

        Args:
            aor: who it is, and what it watches.
            wire: where everything is sent.
            answerer: what answers challenges; None where there is no password.
        """
        self.aor = aor
        self._wire = wire
        self._answerer = answerer
        self._responses: asyncio.Queue[Response | None] = asyncio.Queue()
        self._notified = asyncio.Event()
        self._ended = asyncio.Event()
        self._granted = 0
        self.why_over = "the server ended the subscription"

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the subscription, or the connection is lost."""
        return self._ended.is_set()

    async def open(self) -> None:
        """Reach the server.

        Raises:
            PhoneError: the server's name is unknown.
        """
        try:
            await self._wire.open(self._receive)
        except socket.gaierror as error:
            raise PhoneError(f"{self._wire.server[0]}: {error.strerror}") from None
        self._dialog = self._new_dialog()

    def _new_dialog(self) -> Dialog:
        return Dialog(self.aor, self._wire.address, self._wire.transport)

    def _receive(self, data: bytes | None) -> None:
        message = None if data is None else parse_message(data)
        if data is None:
            self._responses.put_nowait(None)
            if self._wire.is_stream:
                self.why_over = "the connection to the server is lost; the subscription may go on"
                self._ended.set()
        elif isinstance(message, Response):
            self._responses.put_nowait(message)
        elif message is not None and message.method == b"NOTIFY":
            self._answer(message)

    def _answer(self, request: Request) -> None:
        if self._dialog.is_late(request):
            self._wire.reply(answer(request, b"500 CSeq Out Of Order"))
            return
        self._wire.reply(answer(request))
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
            self._dialog = self._new_dialog()
            self._ended.clear()
        self._notified.clear()
        response = await self._authenticated(expires, body)
        if response.status == 401 and self._answerer is None:
            raise PhoneError("the server asks for a password; use --password-stdin")
        if response.status == 401:
            raise PhoneError("the server refused the name or the password (401 Unauthorized)")
        if response.status >= 300:
            raise PhoneError(f"the server answered {response.status} {printable(response.reason)}")
        self._dialog.accepted(response)
        granted = response.headers.get(b"expires", b"")
        self._granted = int(granted) if _SECONDS.fullmatch(granted) else expires
        async with asyncio.timeout(ANSWER_WITHIN):
            await self._notified.wait()

    async def _authenticated(self, expires: int, body: bytes) -> Response:
        """Send a SUBSCRIBE, and again for as long as a challenge can be answered."""
        answerer = self._answerer
        line = None if answerer is None else answerer.authorization
        while True:
            response = await self._exchange(self._dialog.subscribe(expires, body, line))
            if response.status != 401 or answerer is None:
                return response
            if not answerer.take(response.headers.get(b"www-authenticate", b"")):
                return response

    async def _exchange(self, message: bytes) -> Response:
        """The answer to a message, which is repeated where it may have been lost."""
        wait = ANSWER_WITHIN if self._wire.is_stream else 0.5
        async with asyncio.timeout(ANSWER_WITHIN):
            while True:
                self._wire.send(message)
                try:
                    async with asyncio.timeout(wait):
                        while True:
                            response = await self._responses.get()
                            if response is None:
                                where = host_port(self._wire.server)
                                raise PhoneError(f"no SIP server at {where}")
                            if self._dialog.is_answer(response):
                                return response
                except TimeoutError:
                    wait *= 2


def _shown(value: bytes) -> str:
    """A header value for a terminal, which must not obey what a server sends."""
    return printable(value.decode(errors="replace"))
