"""Webhooks, wired to the store."""

import asyncio
import hashlib
import hmac

from dfks_rules.app.records.events import EventRing
from dfks_rules.config.webhooks import WebhookSettings
from dfks_rules.service.features import Features
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.store.webhooks import WebhookTables
from dfks_rules.webhooks.addresses import Rules
from dfks_rules.webhooks.pump import Clock
from dfks_rules.webhooks.reading import Source
from dfks_rules.webhooks.sender import Sender
from dfks_rules.webhooks.service import WebhookService


def webhooks_of(
    settings: WebhookSettings, store: SqliteStore, features: Features, events: EventRing
) -> WebhookService:
    """The webhooks of a server; nobody is told before they `begin`."""
    rules = Rules(settings.allow_networks)
    return WebhookService(
        WebhookTables(store),
        Source(store.journal, store.durable, features.stored_of),
        events,
        (Sender(rules), rules),
        node_of(store.secret),
        Clock(asyncio.get_running_loop().time),
    )


def node_of(secret: bytes) -> str:
    """What names a server in all its lives; it tells nothing of the secret."""
    return hmac.digest(secret, b"node", hashlib.sha256).hex()[:12]
