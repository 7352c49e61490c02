"""Who calls, and what he may do."""

from enum import Enum
from typing import NamedTuple


class Scope(Enum):
    """What a token may be used for."""

    FEATURES_READ = "features:read"
    FEATURES_WRITE = "features:write"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"
    DECISIONS_READ = "decisions:read"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    EVENTS_READ = "events:read"
    BULK = "bulk"
    WEBHOOKS = "webhooks"
    TRACE = "trace"
    METRICS_READ = "metrics:read"
    CLUSTER = "cluster"
    TOKENS_READ = "tokens:read"

    __hash__ = object.__hash__


class Caller(NamedTuple):
    """Whoever sent a request."""

    name: str
    """Of the token; it is the actor in journal and decisions."""
    scopes: frozenset[Scope]
    domains: frozenset[str] | None = None
    """Whose presentities he sees; None: all."""

    def sees(self, domain: str) -> bool:
        """Whether presentities of a domain are there for him."""
        return self.domains is None or domain in self.domains


LOCAL = Caller("api", frozenset(Scope))
"""Who calls from this machine, where no tokens are configured."""
NOBODY = Caller("", frozenset())
"""Who asks what needs no token, without one."""
