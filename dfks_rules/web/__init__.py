"""The HTTP API: `/v1`, for consoles, integrators and our own commands.

    server  →  table, api/*  →  Operations (operations.ports)
    openapi ←  table

Belongs here: HTTP, JSON bodies, tokens, the table of operations and what is made from it, a client.
Never here: a rule that does not also apply to SIP; operations work only through `operations.ports`.
May import: operations and the rooms below; not transport, mi, store, config.
"""
