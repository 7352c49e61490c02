"""What a NOTIFY says."""

from dfks_rules.csta.style import BodyStyle
from dfks_rules.presence.conditional import tag_of
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.notify import content_of, state_of
from dfks_rules.presence.subscription import Termination
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.subscription import active

_BOTH: Documents = tuple((feature, ON) for feature in (DND, CFA))


def test_a_living_subscription_says_how_many_whole_seconds_are_left() -> None:
    """RFC 6665 §8.2.3."""
    one = active(deadline=100.0)
    assert state_of(one, 40.4) == b"Subscription-State: active;expires=60\r\n"
    assert state_of(one, 200.0) == b"Subscription-State: active;expires=0\r\n"


def test_an_ended_one_says_why() -> None:
    """RFC 6665 §4.2.2: so its phone knows whether to subscribe again."""
    one = active(deadline=100.0)
    one.ended(Termination.DEACTIVATED)
    assert state_of(one, 0.0) == b"Subscription-State: terminated;reason=deactivated\r\n"


def test_the_entity_tag_names_what_the_phone_knows_then() -> None:
    """Also where there is nothing to say."""
    knowledge, content = content_of(_BOTH, "alice", b"", b"", BodyStyle())
    assert b"SIP-ETag: %b\r\n" % tag_of(knowledge, "alice", b"") in content
    head, _, body = content.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    known, nothing = content_of((), "alice", b"", knowledge, BodyStyle())
    assert known == knowledge
    assert nothing.endswith(b"Content-Length: 0\r\n\r\n")
