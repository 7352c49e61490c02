"""The settings of `cluster`, and the long way to a store that several nodes share."""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dfks_rules.config.limits import seconds_of

_POSTGRES = ("postgresql://", "postgres://")
# As it may be written, and as it must not: nobody may see a password that lacks its escapes either.
_PASSWORD = re.compile(r"(?<=://)([^:@/?]*:)[^?]*(?=@)")
_PARAMETER = re.compile(r"(?<=[?&])((?:ssl)?password=)[^&]*")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """This node of several that share one store."""

    url: str
    """The database, `postgresql://…`."""
    name: str
    """By which operators know the node."""
    lease: float
    """How long the others wait for a node that is silent, s."""
    grace: float
    """How long a node that cannot reach the database answers refreshes from memory, s."""


def is_shared(store: object) -> bool:
    """Whether a setting `store` names a database."""
    return isinstance(store, str) and store.startswith(_POSTGRES)


def without_password(url: str) -> str:
    """A setting `store`, as people may see it."""
    if not is_shared(url):
        return url
    return _PARAMETER.sub(r"\1********", _PASSWORD.sub(r"\1********", url, count=1))


def find_cluster_mistakes(values: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Contradictions, each with its place, to follow the name of the setting.

    Args:
        values: all settings, complete.
    """
    cluster = values["cluster"]
    written = [name for name in ("name", "contact") if name in cluster]
    if written and not is_shared(values["store"]):
        yield ("cluster", written[0]), "has no effect without `store: postgresql:`"
    if "contact" in cluster and "advertise" in values["sip"]:
        yield ("cluster", "contact"), "contradicts `sip.advertise`: set one of them"


def build_cluster(values: dict[str, Any]) -> ClusterSettings | None:
    """The node; None where the store is this server's own.

    Args:
        values: all settings, complete and found without mistakes.
    """
    if not is_shared(values["store"]):
        return None
    cluster = values["cluster"]
    return ClusterSettings(
        values["store"],
        cluster.get("name", socket.gethostname()),
        float(seconds_of(cluster["lease"])),
        float(seconds_of(cluster["grace"])),
    )
