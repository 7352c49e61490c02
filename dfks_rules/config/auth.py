"""The settings of `auth`: what contradicts itself in them, and what they come to."""

import contextlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from dfks_rules.config.schema import KeyPath
from dfks_rules.presence.gate import Network
from dfks_rules.sip.digest import Algorithm


class AuthMode(Enum):
    """How the server finds out who a phone is."""

    DIGEST = "digest"
    """By a password (RFC 7616)."""
    TRUSTED = "trusted"
    """Proxies have done it; nobody else is served."""
    NONE = "none"
    """It believes From."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How the server finds out who a phone is."""

    mode: AuthMode
    realm: str | None
    """What passwords are for; there is one unless the mode says otherwise."""
    algorithms: tuple[Algorithm, ...]
    """What is offered, the preferred one first."""
    users: Path | None
    """File of the users; there is one if the mode is `DIGEST`."""
    trusted: tuple[Network, ...]
    """Peers whose identities are believed."""


def build_auth(auth: dict[str, Any], base: Path) -> AuthSettings:
    """The settings as rooms take them.

    Args:
        auth: complete, and found without contradictions.
        base: where relative paths start.
    """
    return AuthSettings(
        AuthMode(auth["mode"]),
        auth.get("realm"),
        tuple(Algorithm(name) for name in auth["algorithms"]),
        base / auth["users"] if "users" in auth else None,
        tuple(ipaddress.ip_network(text) for text in auth["trusted"]),
    )


def find_auth_mistakes(
    auth: dict[str, Any], exposed: dict[KeyPath, str]
) -> Iterator[tuple[KeyPath, str]]:
    """What obeys the schema and still cannot be, with what to write instead.

    Args:
        auth: the settings of `auth`, complete.
        exposed: entries of `sip.listen` that are not on loopback.
    """
    for position, text in enumerate(auth["trusted"]):
        if wrong := wrong_network(text):
            yield ("auth", "trusted", position), f"is `{text}`; {wrong}"
    mode = AuthMode(auth["mode"])
    if mode is AuthMode.NONE:
        if not auth["insecure"]:
            yield from _without_effect(auth)
            yield from _without_authentication(exposed)
    elif mode is AuthMode.DIGEST:
        for name, example in (("realm", "example.com"), ("users", "users.yaml")):
            if name not in auth:
                yield ("auth", "mode"), f"is `digest`, which needs `auth.{name}: {example}`"
    elif not auth["trusted"]:
        needed = "the networks of your proxies, e.g. `auth.trusted: [10.0.0.0/8]`"
        yield ("auth", "mode"), f"is `trusted`, which needs {needed}"


def _without_effect(auth: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Settings that make somebody believe that phones authenticate."""
    for name, mode in (("users", "digest"), ("trusted", "trusted")):
        if auth.get(name):
            message = (
                f"has no effect, since `auth.mode` is `none`; write `mode: {mode}`, or remove it"
            )
            yield ("auth", name), message


def _without_authentication(exposed: dict[KeyPath, str]) -> Iterator[tuple[KeyPath, str]]:
    for way, text in exposed.items():
        message = (
            f"is `{text}`, which is not loopback: without authentication, anyone who reaches it can"
            " set any user's features; write `auth: {mode: digest, realm: example.com, users:"
            " users.yaml}`, or `auth: {insecure: true}` if every host that can reach it is trusted"
        )
        yield way, message


_MAPPED = 96
"""Bits of an IPv6 address before the IPv4 address that it maps (RFC 4291 §2.5.5.2)."""


def wrong_network(text: str) -> str | None:
    """What is wrong with a network, and what to write instead; None: nothing."""
    with contextlib.suppress(ValueError):
        exact = ipaddress.ip_network(text)
        mapped = getattr(exact.network_address, "ipv4_mapped", None)
        if mapped is None or exact.prefixlen < _MAPPED:
            return None
        # Peers are compared by their IPv4 addresses.
        return f"write it as IPv4, `{mapped}/{exact.prefixlen - _MAPPED}`"
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "it must look like `10.0.0.0/8` or `2001:db8::/32`"
    return f"it is an address in a network; write the network, `{network}`"
