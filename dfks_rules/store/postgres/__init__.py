"""The store of several nodes: one PostgreSQL, to which each server of a cluster is a client.

`ports` says what the engine does, each in one round trip; `engine` and the files in `sql` do it
with PostgreSQL. `store` keeps to `service.ports` on top of that. Who is alive and whose dialogs are
whose is decided in the engine alone (docs/topics/several-nodes.md).

Belongs here: the store of several nodes, the engine, its tables and functions.
Never here: when a node renews its lease, buries others or stops serving (`app`).
May import: records of `store`, service.ports, model, errors; asyncpg, if installed.
"""
