"""The settings of a server, as the other rooms are given them.

Defaults are in schemas/config.schema.json, where editors see them too.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from dfks_rules.config.auth import AuthSettings
from dfks_rules.config.cluster import ClusterSettings
from dfks_rules.config.webhooks import WebhookSettings
from dfks_rules.presence.package import Limits
from dfks_rules.sip.ports import OutboundProxy
from dfks_rules.tracing.export import HepTarget
from dfks_rules.transport.certificates import CertificateFiles
from dfks_rules.transport.limits import ConnectionLimits


class OnStop(Enum):
    """What becomes of subscriptions when the server is stopped."""

    KEEP = "keep"
    """They go on with the next start, where the store lasts."""
    DEACTIVATE = "deactivate"
    """Phones are told to subscribe again (RFC 6665 §4.1.3)."""


class ListenAddress(NamedTuple):
    """Where a socket listens."""

    transport: str
    """`udp`, `tcp` or `tls`."""
    host: str
    """Name or address; an IPv6 address without brackets."""
    port: int
    """0 takes any free port."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Where phones reach the server."""

    listen: tuple[ListenAddress, ...]
    """At least one; in the order written."""
    advertise: str | None
    """`HOST` or `HOST:PORT` for Via and Contact; None for the address that a phone asked."""
    tls: CertificateFiles | None
    """The certificates of `tls` addresses; None where there are none."""
    connections: ConnectionLimits
    """Of TCP and TLS."""
    outbound_proxy: OutboundProxy | None
    """What requests of the server pass where no peer has named a proxy."""
    resolver: tuple[tuple[str, int], ...]
    """Address and port of each DNS server; none for those of the machine."""
    credentials: Path | None
    """File of the passwords with which NOTIFYs authenticate; None where they do not."""


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """What is kept of the changes of states."""

    keep: int
    """For how long, s."""


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

    listen: ListenAddress
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
    datagram: ListenAddress | Path | None
    """UDP address, or the path of a Unix socket."""
    http: HttpSettings | None
    """JSON-RPC by HTTP POST."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The HTTP API."""

    listen: ListenAddress
    """A TCP address."""
    tokens: Path | None
    """The file of tokens; None: whoever reaches a loopback address may do everything."""
    names: frozenset[str]
    """Names that Host may have besides those of loopback, where there are no tokens."""
    per_token: int
    """Requests a second of one token."""
    import_rate: int
    """Rows a second that are imported."""
    tls: tuple[Path, Path] | None = None
    """Certificate and key; None: plain HTTP."""
    console: bool = True
    """Whether the console is served."""
    streams_per_token: int = 50
    """Streams at a time of one token; without tokens, of one address."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the server writes about its work."""

    level: str
    """The least level written: `debug`, `info`, `warning` or `error`."""


@dataclass(frozen=True, slots=True)
class ReloadSettings:
    """How policies become others while the server runs."""

    watch: bool
    """Whether a change of the files is enough; also of certificates."""
    poll: bool
    """Whether files are looked at again and again, where the kernel does not tell of changes."""
    keep: int
    """How many revisions before the active one can be brought back."""
    last_good: Path
    """The file that starts the server when the policy files are broken."""
    proofs: int = 5
    """Seconds in which all proofs beside the policies must be decided to keep any of them out."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """What is kept of decisions."""

    keep: int
    """How many requests are kept in memory."""
    file: Path | None
    """Where every decision is logged as JSON lines; None logs none."""
    mask: bool
    """Whether the last digits of numbers are masked in the file."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How much of everything there may be."""

    per_source: int | None
    """Messages a second of one address (IPv6: of one /64); None for no limit."""
    followed_sets: int
    """Most sets that may follow from one by `also`; more deny it."""


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
    auth: AuthSettings
    """How it finds out who they are."""
    policies: tuple[Path, ...]
    """Policy files or folders, in the order in which they are read."""
    reload: ReloadSettings
    """How they become others while the server runs."""
    store: Path | None
    """The SQLite file of feature states; None where there is none."""
    store_group: str | None
    """The group that may read it; None where only the server's user may."""
    cluster: ClusterSettings | None
    """This node of several that share a database; None where `store` or memory is used."""
    journal: JournalSettings
    """What it keeps of their changes."""
    mi: MiSettings
    """The doors of the management interface."""
    http: ApiSettings | None
    """The HTTP API; None where there is none."""
    webhooks: WebhookSettings
    """Whom events may be sent to."""
    presence: Limits
    """How subscriptions live."""
    profiles: Path | None
    """The file of the operator's device profiles; None where there is none."""
    on_stop: OnStop
    """What becomes of subscriptions when the server is stopped."""
    stop_within: int
    """How long a stop may take to tell phones that their subscriptions end, s; 0 tells none."""
    limits: LimitSettings
    """How much of everything there may be."""
    log: LogSettings
    """What the server writes about its work."""
    decisions: DecisionSettings
    """What is kept of decisions."""
    trace: HepTarget | None
    """Where messages and decisions are exported to; None for nowhere."""
    settings: tuple[Setting, ...]
    """Each setting that holds, as it was written, and where it came from."""
