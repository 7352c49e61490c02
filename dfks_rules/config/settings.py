"""The settings of a server, as the other rooms are given them.

Defaults are in schemas/config.schema.json, where editors see them too.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple


class Address(NamedTuple):
    """Where a socket listens."""

    transport: str
    """`udp` or `tcp`."""
    host: str
    """Name or address; an IPv6 address without brackets."""
    port: int
    """0 takes any free port."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


class OnNotifyTimeout(Enum):
    """What happens to a subscription whose phone does not answer a NOTIFY."""

    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Where phones reach the server."""

    listen: tuple[Address, ...]
    """At least one; in the order written."""


@dataclass(frozen=True, slots=True)
class FifoSettings:
    """The FIFO door of the management interface."""

    path: Path
    """The named pipe that the server makes and reads."""
    reply_dir: Path
    """The folder of the pipes that clients wait on."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The HTTP door of the management interface."""

    listen: Address
    """A TCP address."""
    root: str
    """Path under which requests are served, e.g. `/mi`."""
    secret: str | None
    """What each request must carry as `Authorization: Bearer`; None when nothing."""


@dataclass(frozen=True, slots=True)
class MiSettings:
    """The doors of the management interface; None leaves a door closed."""

    fifo: FifoSettings | None
    """Named pipe."""
    datagram: Address | Path | None
    """UDP address, or the path of a Unix socket."""
    http: HttpSettings | None
    """JSON-RPC by HTTP POST."""


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """How subscriptions live."""

    min_expires: int
    """Seconds; a shorter subscription is answered 423."""
    default_expires: int
    """Seconds that a subscription lasts when the phone does not say."""
    max_expires: int
    """Seconds; a longer subscription is shortened to this."""
    on_notify_timeout: OnNotifyTimeout
    """What happens to a subscription whose phone does not answer a NOTIFY."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the server writes about its work."""

    level: str
    """The least level written: `debug`, `info`, `warning` or `error`."""


class Setting(NamedTuple):
    """One setting as it was written, for `dfks config show`."""

    key: str
    """Dotted, e.g. `mi.http.listen`."""
    value: object
    """Text, number, or list of texts; secrets are not masked."""
    origin: str
    """`default`, `FILE:LINE:COLUMN`, or the name of an environment variable."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of a server."""

    sip: SipSettings
    """Where phones reach the server."""
    policies: tuple[Path, ...]
    """Policy files or folders, in the order in which they are read."""
    store: Path | None
    """The SQLite file of feature states; None keeps them in memory only."""
    mi: MiSettings
    """The doors of the management interface."""
    presence: PresenceSettings
    """How subscriptions live."""
    log: LogSettings
    """What the server writes about its work."""
    settings: tuple[Setting, ...]
    """Each setting that holds, as it was written, and where it came from."""
