"""A SUBSCRIBE on its way to its answer."""

from dfks_rules.presence.admission import wish_of
from dfks_rules.presence.package import Limits
from dfks_rules.presence.visit import Visit
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import NOON
from tests.helpers.subscription import active


def test_what_was_wished_is_remembered_until_it_is_answered() -> None:
    """The outcome may be known after the call that brought the SUBSCRIBE has returned."""
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(message(expires=b"120"), FLOW, 0.0)
    assert isinstance(incoming, Incoming)
    wish = wish_of(incoming, Limits())
    transaction = endpoint.begin(incoming, 0.0)
    visit = Visit(incoming, transaction, active(), wish, b"*", NOON, is_new=True)
    assert (visit.expires, visit.requester, visit.condition) == (120, wish.requester, b"*")
    assert (visit.transaction.response, visit.is_new) == (None, True)
