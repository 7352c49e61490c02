"""Questions to DNS servers, by dnspython. Nothing is kept here, and only an answer is bounded."""

import asyncio
import ipaddress
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.message
import dns.nameserver
import dns.query
import dns.resolver

from dfks_rules.sip.target import Found, Naptr, Question, Srv

TRY = 1.5
"""Seconds after which the next server is asked, or the same one again."""
LIFETIME = 4.0
"""Seconds after which a question has no answer."""
MAX_ANSWER = 4_096
"""Longest answer that is read, bytes: 64 servers have room in it. Any stranger may have written it,
and to read 64 KiB would hold up everybody for 50 ms and more."""
SYSTEM = Path("/etc/resolv.conf")


class Answer(NamedTuple):
    """What came of a question."""

    found: Found
    ttl: float
    """For how long it holds, s."""


_LATER = 60.0
"""How long what is not known stays unknown, s; the cache bounds it further."""
UNANSWERED = Answer(None, _LATER)
_NOTHING = Answer((), _LATER)


class Resolver:
    """Asks DNS servers."""

    def __init__(self, servers: Sequence[tuple[str, int]] = (), system: Path = SYSTEM) -> None:
        """Make one.

        Args:
            servers: address and port of each; none for those of the machine.
            system: where the machine's are named; read again when it has changed.
        """
        self._servers = servers
        self._system = system
        self._version: int | None = None
        self._asks = _asking(servers) if servers else None

    async def ask(self, question: Question) -> Answer:
        """Ask one question. Never raises, whatever the name and the servers."""
        resolver = self._asks if self._servers else self._of_machine()
        if resolver is None:
            return UNANSWERED
        try:
            answer = await resolver.resolve(
                # Absolute: what a stranger wrote has nothing to do with our search list.
                question.name + ".",
                question.kind.value,
                search=False,
                raise_on_no_answer=False,
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return _NOTHING
        except dns.resolver.NoNameservers as error:
            # A server that says that it cannot say may do so only of this type of record.
            has_response = any(response for *_, response in error.kwargs["errors"])
            return _NOTHING if has_response else UNANSWERED
        except (dns.exception.DNSException, OSError, ValueError):
            return UNANSWERED
        records = () if answer.rrset is None else tuple(map(_record, answer.rrset))
        return Answer(records, float(answer.chaining_result.minimum_ttl))

    def _of_machine(self) -> dns.asyncresolver.Resolver | None:
        try:
            version = os.stat(self._system).st_mtime_ns
            if version != self._version:
                text = self._system.read_text(errors="replace")
                servers = list(_servers_in(text))
                # Where there is none, there is nobody to ask.
                self._asks = _asking(servers) if servers else None
                self._version = version
        except OSError:
            self._asks, self._version = None, None
        return self._asks


def _servers_in(text: str) -> Iterable[tuple[str, int]]:
    """The servers that resolv.conf(5) names.

    The rest is not for us: search domains, and options of the C library. What cannot be read is
    left out, as there.
    """
    for line in text.splitlines():
        keyword, address, *_ = [*line.split(), "", ""]
        if keyword == "nameserver" and _is_address(address):
            yield address, 53


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _asking(servers: Iterable[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [_Server(*one) for one in servers]
    resolver.timeout, resolver.lifetime = TRY, LIFETIME
    return resolver


class _Server(dns.nameserver.Do53Nameserver):
    """A DNS server that is asked over UDP, and over TCP where the answer did not fit."""

    async def async_query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,  # noqa: ASYNC109 - so dnspython calls it
        source: str | None,
        source_port: int,
        max_size: bool,  # noqa: FBT001
        *args: Any,
        **options: Any,
    ) -> dns.message.Message:
        """The answer; as in dnspython, but that a long one is left unread."""
        if not max_size:
            return await super().async_query(
                request, timeout, source, source_port, max_size, *args, **options
            )
        try:
            async with asyncio.timeout(timeout):
                response = await self._by_stream(request.to_wire())
        except TimeoutError as error:
            raise dns.exception.Timeout from error
        if not request.is_response(response):
            raise dns.query.BadResponse
        return response

    async def _by_stream(self, question: bytes) -> dns.message.Message:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            writer.write(len(question).to_bytes(2) + question)
            size = int.from_bytes(await reader.readexactly(2))
            if size > MAX_ANSWER:
                raise dns.exception.FormError  # Which ends the attempts at this server.
            return dns.message.from_wire(await reader.readexactly(size))
        finally:
            writer.transport.abort()


def _record(record: Any) -> Naptr | Srv | str:
    """A record of dnspython as ours."""
    kind = record.rdtype.name
    if kind == "SRV":
        return Srv(record.priority, record.weight, record.port, _name(record.target))
    if kind == "NAPTR":
        return Naptr(
            record.order,
            record.preference,
            record.flags.decode(errors="replace"),
            record.service.decode(errors="replace"),
            _name(record.replacement),
        )
    return str(record.address)


def _name(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).removesuffix(".").lower()
