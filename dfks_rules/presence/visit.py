"""A SUBSCRIBE on its way to its outcome, and what the outcomes mean for it."""

from typing import final

from dfks_rules.model.decisions import Denial, DenialAnswer, Outcome
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.presence.admission import Wish
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.endpoint import Incoming
from dfks_rules.sip.server_transaction import ServerTransaction


@final
class Visit:
    """A SUBSCRIBE that was admitted and waits for its outcome."""

    __slots__ = ("expires", "incoming", "is_new", "requester", "subscription", "transaction")

    def __init__(
        self,
        incoming: Incoming,
        transaction: ServerTransaction,
        subscription: Subscription,
        wish: Wish,
        *,
        is_new: bool,
    ) -> None:
        self.incoming = incoming
        self.transaction = transaction
        self.subscription = subscription
        self.requester = wish.requester
        self.expires = wish.expires
        """Granted duration, s."""
        self.is_new = is_new
        """Whether it creates the dialog."""


def parted(
    outcomes: tuple[Outcome, ...],
) -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
    """Outcomes of sets, and those of gets, which come last."""
    position = 0
    for outcome in outcomes:
        if outcome.request.operation is Operation.GET:
            break
        position += 1
    return outcomes[:position], outcomes[position:]


def rejection(sets: tuple[Outcome, ...]) -> Denial | None:
    """The first refusal that is to be answered with 403; what only followed does not count."""
    for outcome in sets:
        denial = outcome.decision.denial
        if denial is None or denial.answer is not DenialAnswer.REJECT:
            continue
        if outcome.request.requester.origin is not Origin.INTERNAL:
            return denial
    return None
