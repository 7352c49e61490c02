"""What the notifier needs from the use cases, as a role."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dfks_rules.model.decisions import Decision, Done
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Requester


class FeatureService(Protocol):
    """Decides and keeps; `service.features.Features` is the one."""

    def admit(self, presentity: Aor, requester: Requester, at: datetime) -> Decision:
        """Whether the requester may watch the presentity."""
        ...

    def get(
        self, presentity: Aor, requester: Requester, at: datetime, now: float, done: Done
    ) -> None:
        """Work out the states to tell, one outcome for each of `FEATURES`."""
        ...

    def set(
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
    ) -> None:
        """Decide on and keep states, in order, one outcome for each of `asked`."""
        ...
