"""Debian's dnsmasq as a DNS server on loopback."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query

from tests.helpers.ports import free_port

DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/local/sbin:/usr/bin")
WHY_NOT = "dnsmasq is not installed (Debian package dnsmasq-base)"
START_WITHIN = 90.0
DEAD = "dead.test"
"""Names under it get no answer."""


@contextmanager
def dnsmasq(folder: Path, *records: str) -> Iterator[str]:
    """Serve records; gives `ADDRESS:PORT`.

    Args:
        folder: for its log, which names each question.
        records: options without dashes, e.g. `srv-host=_sip._udp.a.test,b.test,5060`.
    """
    assert DNSMASQ is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = free_port()
        options = (
            "no-daemon",
            "conf-file=/dev/null",
            "no-resolv",
            "no-hosts",
            "no-poll",
            "bind-interfaces",
            "listen-address=127.0.0.1",
            f"port={port}",
            "local=/test/",
            f"server=/{DEAD}/127.0.0.1#{silent.getsockname()[1]}",
            "dns-forward-max=10000",
            "log-queries",
            *records,
        )
        with (
            (folder / "dnsmasq.log").open("ab") as log,
            subprocess.Popen(
                [DNSMASQ, *(f"--{option}" for option in options)], stdout=log, stderr=log
            ) as process,
        ):
            try:
                _wait_for(port)
                yield f"127.0.0.1:{port}"
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    question = dns.message.make_query("nobody.test.", "A")
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            dns.query.udp(question, "127.0.0.1", 0.1, port)
        except (OSError, dns.exception.DNSException):
            assert time.monotonic() < deadline, "dnsmasq does not answer"
        else:
            return
