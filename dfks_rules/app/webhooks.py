"""Webhooks, wired to the store."""

import asyncio
import hashlib
import hmac

from dfks_rules.app.records.current import Current
from dfks_rules.app.records.events import EventRing
from dfks_rules.config.webhooks import WebhookSettings
from dfks_rules.operations.webhooks import WebhookStore
from dfks_rules.store.postgres.store import PostgresStore
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.webhooks.addresses import Rules
from dfks_rules.webhooks.pump import Clock
from dfks_rules.webhooks.reading import Others, Source
from dfks_rules.webhooks.sender import Sender
from dfks_rules.webhooks.service import WebhookService


def webhooks_of(
    settings: WebhookSettings,
    kept: tuple[WebhookStore, SqliteStore | PostgresStore],
    current: Current,
    events: EventRing,
    others: Others | None = None,
) -> WebhookService:
    """The webhooks of a server; nobody is told before they `begin`.

    Args:
        settings: where may be told.
        kept: what keeps webhooks, and what keeps states.
        current: gives what is stored.
        events: of what is not in the journal, where it is not kept.
        others: gives what is not in the journal; None: it is not kept.
    """
    tables, store = kept
    rules = Rules(settings.allow_networks)
    return WebhookService(
        tables,
        Source(store.journal, store.durable, current, others),
        events,
        (Sender(rules), rules),
        node_of(store.secret),
        Clock(asyncio.get_running_loop().time),
    )


def node_of(secret: bytes) -> str:
    """What names a server in all its lives; it tells nothing of the secret."""
    return hmac.digest(secret, b"node", hashlib.sha256).hex()[:12]
