"""TLS: TCP with a handshake before the first message (RFC 3261 §26.3.1)."""

import asyncio
import socket
from functools import partial

from dfks_rules.sip.flow import TransportName
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connection import Connection
from dfks_rules.transport.ports import Context
from dfks_rules.transport.secure_stream import SecureStream
from dfks_rules.transport.tcp import TcpTransport


class TlsTransport(TcpTransport):
    """One address, and the connections that were accepted there or opened from there.

    Who opens a connection is asked for a certificate where `client_ca` is set, and may have none.
    Phones that we open one to are not checked: a phone is found by an address that it wrote in its
    Contact over TLS, and has no certificate for it.
    """

    name = TransportName.TLS

    def __init__(self, bound: socket.socket, context: Context) -> None:
        """As `TcpTransport`; the context has certificates."""
        if context.certificates is None:
            raise ValueError("TLS needs certificates")
        self._certificates: Certificates = context.certificates
        super().__init__(bound, context)

    def _accepted(self, connection: Connection) -> asyncio.BufferedProtocol:
        tls = self._certificates.at(connection.flow.listener.host)
        turns = self._context.turns
        turn = partial(turns.may_shake_hands, turns.sources.of(connection.flow.remote[0]))
        counts = self._connections.counts
        return SecureStream(connection, tls, counts, is_ours=False, turn=turn)

    def _opened(self, connection: Connection) -> asyncio.BufferedProtocol:
        tls = self._certificates.client
        return SecureStream(connection, tls, self._connections.counts, is_ours=True)
