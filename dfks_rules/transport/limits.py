"""How many connections there may be, how long each may be silent, and what a source may send."""

import resource
from collections.abc import Callable
from dataclasses import dataclass

RESERVE = 200
"""File descriptors kept for everything else: the store, policy files, logs, MI, and a reload, which
starts a process of its own."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of the streams of a server. Reference: docs/decisions/0010-connections.md."""

    idle: float = 90_000.0
    """Seconds without a byte in either direction, after which a peer's connection is closed."""
    in_all: int = 10_000
    """Most connections at once; fewer where the process may not open as many files."""
    per_source: int = 1_000
    """Most connections of one address (IPv6: of one /64), never more than half of all."""
    first: float = 10.0
    """Seconds until a connection must have brought its first whole message."""
    message: float = 30.0
    """Seconds that a message may take to arrive whole."""
    opened_idle: float = 300.0
    """The same as `idle` for a connection that we opened: we can open it again."""
    answer: float = 32.0
    """Seconds that a peer which has ended its side waits for its responses (timer J)."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Limits of who sends. Reference: docs/decisions/0016-fairness.md."""

    per_source: int | None = None
    """Messages a second of one address (IPv6: of one /64); None for no limit."""
    is_trusted: Callable[[str], bool] | None = None
    """Whether an address is a trusted peer's, which stands for all its phones."""


def raise_file_limit() -> None:
    """Let this process open as many files as it is allowed to: the soft limit is mostly 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        # The kernel's own limit can be lower than an unlimited hard one: the soft one stays.
        return


def most_connections(wanted: int) -> int:
    """How many of `wanted` connections the limit of open files leaves room for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    # Where 200 cannot be spared, half of all descriptors are kept for files.
    return max(1, min(wanted, max(soft - RESERVE, soft // 2 - RESERVE // 2)))
