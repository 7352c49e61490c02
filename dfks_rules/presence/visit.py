"""A SUBSCRIBE on its way from its admission to its answer."""

from datetime import datetime
from typing import final

from dfks_rules.model.requests import Asked
from dfks_rules.presence.admission import Wish
from dfks_rules.presence.display import Display, Meant
from dfks_rules.presence.profile import Profile
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.server_transaction import ServerTransaction


@final
class Visit:
    """A SUBSCRIBE that was admitted and waits for its outcome."""

    __slots__ = (
        "at",
        "condition",
        "expires",
        "incoming",
        "is_kept",
        "is_new",
        "is_stored",
        "moves",
        "requester",
        "row",
        "says_more",
        "subscription",
        "transaction",
    )

    def __init__(  # noqa: PLR0913 - its fields
        self,
        incoming: Incoming,
        transaction: ServerTransaction,
        subscription: Subscription,
        wish: Wish,
        condition: bytes,
        at: datetime,
        *,
        is_new: bool,
        says_more: bool = True,
    ) -> None:
        self.incoming = incoming
        self.transaction = transaction
        self.subscription = subscription
        self.requester = wish.requester
        self.expires = wish.expires
        """Granted duration, s."""
        self.condition = condition
        """See `condition_of`."""
        self.at = at
        """Local time when it came."""
        self.moves = 0
        """How often its dialog turned out to be another node's."""
        self.is_new = is_new
        """Whether it creates the dialog."""
        self.is_stored = False
        """Whether its row is stored before it is answered."""
        self.is_kept = False
        """Whether all that it asked for is stored, though its dialog has moved before its answer.
        """
        self.row = 0
        """Number of that row, once it is known; 0 where there is none."""
        self.says_more = says_more
        """Whether its head says something that those before it in the dialog did not."""

    def meant(
        self, asked: list[Asked], profile: Profile, counts: dict[str, int], now: float
    ) -> Meant:
        """What somebody meant of its sets; to be called once.

        Args:
            asked: the sets.
            profile: how its phone is treated from now on.
            counts: what is counted, see `counts.NAMES`.
            now: monotonic seconds.
        """
        subscription = self.subscription
        if not profile.doubts_sets:
            subscription.display = None
            return Meant(asked)
        if subscription.display is None:
            subscription.display = Display()
        meant = subscription.display.meant(asked, profile, subscription.deadline, now)
        counts["sets_echoed"] += meant.echoes
        counts["sets_repeated"] += meant.repeats
        return meant
