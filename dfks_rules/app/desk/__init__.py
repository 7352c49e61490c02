"""The policy desk: how files become the active policies, and how these are replaced.

Belongs here: reading policy files, watching them, checking them in a separate process,
reloading, revisions for rollbacks, the last good policies, the shadow.
Never here: what a policy means (`policy`), which decisions were made (`records`), other wiring.
May import: policy, config, operations.ports and the rooms below them; not records.
"""
