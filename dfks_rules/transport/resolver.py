"""Questions to DNS servers, by dnspython. Nothing is kept here, and nothing is bounded."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from dfks_rules.sip.target import Found, Naptr, Question, Srv

TRY = 1.5
"""Seconds after which the next server is asked, or the same one again."""
LIFETIME = 4.0
"""Seconds after which a question has no answer."""
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
        self._asks = self._named() if servers else None

    async def ask(self, question: Question) -> Answer:
        """Ask one question. Never raises, whatever the name and the servers."""
        resolver = self._asks if self._servers else self._of_system()
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

    def _named(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*one) for one in self._servers]
        return _hurried(resolver)

    def _of_system(self) -> dns.asyncresolver.Resolver | None:
        try:
            version = os.stat(self._system).st_mtime_ns
            if version != self._version:
                self._asks = _hurried(dns.asyncresolver.Resolver(str(self._system)))
                self._version = version
        except (OSError, dns.exception.DNSException):
            # There is none, or it names no server: then there is nobody to ask.
            self._asks, self._version = None, None
        return self._asks


def _hurried(resolver: dns.asyncresolver.Resolver) -> dns.asyncresolver.Resolver:
    resolver.timeout, resolver.lifetime = TRY, LIFETIME
    return resolver


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
