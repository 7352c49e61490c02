"""Ask a server that starts: does it answer, and what does it count?"""

import json
import socket
import time

LOADED = "presence:rows_restored"
"""The counter of subscriptions that the server has taken over."""
_OPTIONS = (
    b"OPTIONS sip:u0@bench.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%d\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:u0@bench.test>;tag=o\r\nTo: <sip:u0@bench.test>\r\n"
    b"Call-ID: o-%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def first_answer(server: tuple[str, int]) -> float:
    """When a server that starts answers OPTIONS for the first time, monotonic seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(server)
        phone.settimeout(0.01)
        port, number = phone.getsockname()[1], time.time_ns()
        while True:
            number += 1
            try:
                phone.send(_OPTIONS % (port, number, number))
                phone.recv(65_535)
            except TimeoutError:
                continue
            except OSError:
                time.sleep(0.002)
                continue
            return time.monotonic()


def statistics(mi: tuple[str, int]) -> dict[str, int]:
    """All counters of a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as operator:
        operator.connect(mi)
        operator.settimeout(10)
        call = {"jsonrpc": "2.0", "id": 1, "method": "get_statistics", "params": [["all"]]}
        operator.send(json.dumps(call).encode())
        result = json.loads(operator.recv(65_535))["result"]
    return {name: int(value) for name, value in result.items()}


def free_port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
