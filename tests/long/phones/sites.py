"""A server as phones find it, and its users."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.helpers.certificates import authority
from tests.helpers.server import Server, serve
from tests.long.phones.phone import PASSWORD

REALM = "example.com"
USERS = ("alice", *(f"sipp{number}" for number in range(1, 301)))
"""All have the same password."""
WITHIN = 60.0
"""Seconds for each thing that must happen."""
_COLUMNS = {"MD5": "ha1_md5", "SHA-256": "ha1_sha256"}


class Site(NamedTuple):
    """Where phones send to, and the server that answers them in the end."""

    server: Server
    ports: dict[str, int]
    """Port for each of `udp`, `tcp` and `tls` on 127.0.0.1."""
    pbx: int = 0
    """Port for all that is not ours; 0 without a proxy."""
    standby: Server | None = None
    """Who answers when the server is gone."""
    revive: Callable[[], AbstractContextManager[Server]] | None = None
    """Start the server again after it was killed."""

    def counts(self) -> Counter[str]:
        """What the server counts; 0 for what it does not show before it happens."""
        result = self.server.mi("get_statistics", statistics=["all"])["result"]
        return Counter({name: int(count) for name, count in result.items()})

    def once_all_have_ended(self) -> Counter[str]:
        """What the server counts, once nobody is subscribed."""
        deadline = time.monotonic() + WITHIN
        while True:
            counts = self.counts()
            if counts["presence:subscriptions"] == 0:
                return counts
            assert time.monotonic() < deadline, counts
            time.sleep(0.05)


@contextmanager
def alone(folder: Path, auth: dict[str, Any]) -> Iterator[Site]:
    """Run a server that phones reach themselves.

    Args:
        folder: for configurations and logs.
        auth: these settings; none for a server that asks nobody.
    """
    certificate, key = authority().files(folder, "localhost", "127.0.0.1")
    tls = {"certificate": str(certificate), "key": str(key)}
    listen = [f"{transport}:127.0.0.1:0" for transport in ("udp", "tcp", "tls")]
    with serve(folder, {"sip": {"listen": listen, "tls": tls}, "auth": auth}) as server:
        yield Site(server, server.ports)


def digest(folder: Path, offered: list[str], known: list[str]) -> dict[str, Any]:
    """Settings of a server that asks for passwords.

    Args:
        folder: for the file of the users.
        offered: algorithms, the preferred one first.
        known: algorithms that the users have hashes for.
    """
    rows = [",".join(["user", "domain", *(_COLUMNS[one] for one in known)])]
    rows += [",".join([user, REALM, *(ha1_of(user, one) for one in known)]) for user in USERS]
    users = folder / "users.csv"
    users.write_text("\n".join(rows) + "\n")
    users.chmod(0o600)
    return {"mode": "digest", "realm": REALM, "algorithms": offered, "users": str(users)}


def ha1_of(user: str, algorithm: str) -> str:
    """RFC 7616 §3.4.2."""
    secret = f"{user}:{REALM}:{PASSWORD}".encode()
    return hashlib.new(algorithm.replace("-", ""), secret, usedforsecurity=False).hexdigest()
