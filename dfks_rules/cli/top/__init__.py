"""`dfks top`: what a running server does, second by second.

Belongs here: the figures that are shown, the screen, its keys.
Never here: a question that only this program may ask; it uses `/v1` and `/metrics` as all do.
May import: the rest of cli, and what cli may import.
"""

from dfks_rules.cli.top.command import command as command
