"""What the parts of a notifier have in common."""

from dfks_rules.presence.live import live_of
from dfks_rules.presence.package import Limits
from dfks_rules.presence.setup import Keeping, Setup
from tests.helpers.lives import EPOCH, Lasting


def test_where_nothing_lasts_nobody_keeps_rows() -> None:
    """A memory store costs nothing."""
    live = live_of(Setup(Limits(), lambda: b"token", lambda text: b"tag"), None)
    assert (live.kept, live.restoring, len(live.subscriptions)) == (None, None, 0)


def test_where_rows_last_they_are_of_this_life() -> None:
    """Its term is the store's."""
    store = Lasting()
    store.term = 7
    keeping = Keeping(store, EPOCH, lambda *_: None)
    live = live_of(Setup(Limits(), lambda: b"t", lambda text: b"t", keeping=keeping), None)
    assert live.kept is not None
    assert live.restoring is not None
    assert (live.kept.term, live.restoring.is_loading) == (7, False)
