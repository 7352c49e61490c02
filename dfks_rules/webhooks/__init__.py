"""Webhooks: endpoints are told of changes by HTTP, in order, until they have them.

    journal  →  Reader  →  Outbox (lanes)  →  Sender  →  endpoint
                              ↓
                    cursors, dead letters in the store

The journal is the outbox: an endpoint has a cursor for each lane, and no event is copied for it.

Belongs here: lanes, retries, signatures, CloudEvents, addresses that may be asked, the HTTP client.
Never here: `/v1` (web), tables (store), what an event says (operations).
May import: operations and the rooms below; not web, store, transport, config. Only `sender` and
`service` know of the event loop: the rest is told the time.
"""
