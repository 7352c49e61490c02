"""What the notifier needs from the I/O rooms, as roles."""

from typing import Protocol

from dfks_rules.model.identity import Aor
from dfks_rules.presence.account import Account


class Accounts(Protocol):
    """Who may authenticate; they may become others while the server runs."""

    def find(self, aor: Aor) -> Account | None:
        """The account of a user; None when there is none."""
        ...
