"""The desk of policies: how files become the policies in force, and others later.

Belongs here: reading policy files, watching them, checking them in a process apart, reloading,
revisions to go back to, the last good policies, the shadow.
Never here: what a policy means (`policy`), what was decided (`records`), other wiring.
May import: policy, config, mi.ports and the rooms below them; not records.
"""
