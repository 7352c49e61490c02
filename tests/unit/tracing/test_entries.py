"""What a trace consists of."""

from dfks_rules.tracing.entries import OVERHEAD, Decided, Direction
from tests.helpers.traced import BEGAN, message_at


def test_an_entry_counts_what_it_holds() -> None:
    """Rings are bounded by it."""
    assert message_at(data=b"x" * 700).size == 700 + OVERHEAD
    failed = Decided(BEGAN, "", "sip:alice@example.com", None, "operator", (), "disk full")
    assert failed.size == OVERHEAD
    assert failed._replace(decisions=({}, {})).size == 5 * OVERHEAD


def test_a_message_knows_which_way_it_went() -> None:
    """A ladder draws it so."""
    assert not message_at().is_sent
    assert message_at(direction=Direction.SENT).is_sent
