"""The store that several nodes share: one PostgreSQL, of which each server is a client.

Belongs here: what the engine does, each in one round trip (`ports`); that with PostgreSQL (`engine`
and the files in `sql`); `service.ports.Store` and `Dialogs` on top of it (`store`).
Never here: who is alive and who takes over what (`app/cluster`); it is decided in the engine alone.
May import: what `store` may, asyncpg.
"""
