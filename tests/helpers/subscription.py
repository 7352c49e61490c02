"""Alice's subscriptions at certain points of their life."""

from dfks_rules.model.requests import Requester
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import ALICE, PHONE


def admitted(tag: bytes = b"t", requester: Requester = PHONE) -> Subscription:
    """A subscription whose SUBSCRIBE waits for its outcome."""
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(message(), FLOW, 0.0)
    assert isinstance(incoming, Incoming)
    return Subscription(Dialog(incoming, tag, b""), ALICE, requester)


def active(tag: bytes = b"t", deadline: float = 10.0) -> Subscription:
    """A subscription that is active until its deadline."""
    subscription = admitted(tag)
    subscription.refreshed(PHONE, deadline)
    return subscription
