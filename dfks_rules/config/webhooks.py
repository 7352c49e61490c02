"""The settings of `webhooks`: what is wrong with them, and what they come to."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dfks_rules.config.auth import wrong_network
from dfks_rules.config.schema import KeyPath
from dfks_rules.presence.gate import Network


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Whom events may be sent to."""

    allow_networks: tuple[Network, ...]
    """Private networks in which endpoints may be, over http as well as https."""


def build_webhooks(webhooks: dict[str, Any]) -> WebhookSettings:
    """The settings as rooms take them; `webhooks` is complete and without mistakes."""
    return WebhookSettings(tuple(map(ipaddress.ip_network, webhooks["allow_networks"])))


def find_webhook_mistakes(webhooks: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """What obeys the schema and still cannot be, with what to write instead."""
    for position, text in enumerate(webhooks["allow_networks"]):
        if wrong := wrong_network(text):
            yield ("webhooks", "allow_networks", position), f"is `{text}`; {wrong}"
