"""Memory of idle TLS connections, and the CPU time of a handshake.

`python -m bench.tls [CONNECTIONS]`: that many phones (1,000) connect with TLS 1.3, send one OPTIONS
each, and are silent from then on.
"""

import json
import socket
import ssl
import sys
import tempfile
from pathlib import Path

from bench.server import cpu_seconds, resident_bytes
from tests.helpers.certificates import authority, untrusting
from tests.helpers.server import Server, serve

BAR = 40 * 1024
"""Most bytes that an idle connection may take."""
WARM = 100
"""Connections before the first look: they fill pools that the others share."""
_OPTIONS = (
    b"OPTIONS sip:a@localhost SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;rport;branch=z9hG4bK%d\r\n"
    b"From: <sip:a@localhost>;tag=a\r\nTo: <sip:a@localhost>\r\nCall-ID: %d\r\n"
    b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def main() -> None:
    """Measure, and print JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key = authority().files(folder, "localhost")
        sip = {
            "listen": ["udp:127.0.0.1:0", "tls:127.0.0.1:0"],
            "tls": {"certificate": str(certificate), "key": str(key)},
            "max_connections": 4 * count,
            "max_connections_per_source": 2 * count,
        }
        with serve(folder, {"sip": sip}) as server:
            print(json.dumps(_measure(server, count), indent=1))


def _measure(server: Server, count: int) -> dict[str, object]:
    tls = untrusting()
    phones = [_connect(server, tls, number) for number in range(WARM)]
    memory, cpu = resident_bytes(server.pid), cpu_seconds(server.pid)
    phones += [_connect(server, tls, WARM + number) for number in range(count)]
    used, spent = resident_bytes(server.pid) - memory, cpu_seconds(server.pid) - cpu
    for phone in phones:
        phone.close()
    return {
        "connections": count,
        "bytes_per_connection": round(used / count),
        "bar": BAR,
        "handshake_and_options_us": round(spent / count * 1e6),
        "openssl": ssl.OPENSSL_VERSION,
    }


def _connect(server: Server, tls: ssl.SSLContext, number: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.ports["tls"]))
    phone = tls.wrap_socket(plain, server_hostname="localhost")
    phone.sendall(_OPTIONS % (number, number))
    assert phone.recv(65_535).startswith(b"SIP/2.0 200 ")
    return phone


if __name__ == "__main__":
    main()
