"""What a node knows, and what its watchers were told."""

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.presence.documents import changes_between
from dfks_rules.store.postgres.known import Known, News
from tests.helpers.states import forwarding
from tests.helpers.wanted import change

ALICE, BOB, CAROL = (Aor(name, "example.com") for name in ("alice", "bob", "carol"))
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], forwarding(True, "2"))
THIRD = SECOND.replace(FEATURES[1], forwarding(True, "3"))


def _read(known: Known, presentity: Aor, snapshot: Snapshot) -> None:
    known.read(presentity, snapshot, known.expect(presentity))


@pytest.fixture
def known() -> Known:
    """Alice is known, as she was at first."""
    known = Known(2)
    _read(known, ALICE, FIRST)
    return known


def test_what_was_never_read_is_not_known(known: Known) -> None:
    """That is not the same as nothing."""
    assert known(BOB) is None
    assert known.hear(BOB, FIRST, is_certain=True) == (None, FIRST)
    assert known(BOB) is None


def test_the_feed_is_known_and_told_once(known: Known) -> None:
    """A page may tell of two changes with the newer snapshot."""
    assert known.hear(ALICE, THIRD, is_certain=True) == News(FIRST, THIRD)
    assert known(ALICE) == THIRD
    assert known.hear(ALICE, THIRD, is_certain=True) is None
    assert known.hear(ALICE, SECOND, is_certain=True) is None
    assert known(ALICE) == THIRD


def test_a_read_does_not_swallow_what_watchers_are_still_to_be_told(known: Known) -> None:
    """They are told when the feed comes to it, of everything that is known then."""
    _read(known, ALICE, THIRD)
    assert known(ALICE) == THIRD
    assert known.hear(ALICE, SECOND, is_certain=True) == News(FIRST, THIRD)
    assert known.hear(ALICE, THIRD, is_certain=True) is None


def test_what_the_feed_says_during_a_read_may_be_newer_than_its_answer(known: Known) -> None:
    """Both connections are as slow as they like."""
    expected = known.expect(BOB)
    assert known(BOB) is None
    assert known.hear(BOB, SECOND, is_certain=True) == News(None, SECOND)
    known.read(BOB, FIRST, expected)
    assert known(BOB) == SECOND


def test_an_answer_to_what_is_forgotten_since_is_not_believed(known: Known) -> None:
    """Nobody knows what the feed has said meanwhile."""
    expected = known.expect(ALICE)
    known.expect(BOB)
    known.expect(CAROL)
    known.read(ALICE, SECOND, expected)
    assert known(ALICE) is None
    known.expect(ALICE)
    known.read(ALICE, SECOND, expected)
    assert known(ALICE) is None


def test_an_own_change_is_told_by_whoever_asked_for_it(known: Known) -> None:
    """The feed has it, too."""
    known.store(change(ALICE, FIRST, SECOND))
    assert known(ALICE) == SECOND
    assert known.hear(ALICE, SECOND, is_certain=True) is None


def test_an_own_change_on_what_was_not_told_yet_does_not_hide_that(known: Known) -> None:
    """Another node's change was read after a conflict; its place in the feed is still to come."""
    _read(known, ALICE, SECOND)
    known.store(change(ALICE, SECOND, own := SECOND.replace(FEATURES[0], FeatureState())))
    news = known.hear(ALICE, SECOND, is_certain=True)
    assert news is not None
    assert news.before is not None
    assert news.after == own
    assert changes_between(news.before, own) == ((FEATURES[1], SECOND.states[1]),)


def test_an_own_change_that_was_told_before_the_feed_came_to_it_is_taken_back(known: Known) -> None:
    """Phones show it, though others have set by now what was set when the feed was read last."""
    other = FIRST.replace(FEATURES[1], forwarding(True, "2"))
    _read(known, ALICE, other)
    known.store(change(ALICE, other, own := other.replace(FEATURES[0], FeatureState())))
    news = known.hear(ALICE, own.replace(FEATURES[0], FIRST.states[0]), is_certain=True)
    assert news is not None
    assert news.before is not None
    told = {feature for feature, _ in changes_between(news.before, news.after)}
    assert told == {FEATURES[0], FEATURES[1]}


def test_what_watchers_may_not_hear_of_does_not_hide_what_they_may(known: Known) -> None:
    """A set of two features has two places in the feed; the rules hide the first one."""
    both = FIRST.replace(FEATURES[1], forwarding(True, "2"))
    both = both.replace(FEATURES[0], FeatureState())._replace(revision=both.revision)
    hidden = (FEATURES[0], FeatureState())
    assert known.hear(ALICE, both, is_certain=True, hidden=hidden) == News(FIRST, both)
    news = known.hear(ALICE, both, is_certain=True)
    assert news is not None
    assert news.before is not None
    assert changes_between(news.before, news.after) == ((FEATURES[1], both.states[1]),)
    assert known.hear(ALICE, both, is_certain=True) is None


def test_what_is_hidden_is_told_where_it_is_set_again(known: Known) -> None:
    """The snapshot is newer than the place in the feed."""
    hidden = (FEATURES[1], SECOND.states[1])
    assert known.hear(ALICE, THIRD, is_certain=True, hidden=hidden) == News(FIRST, THIRD)
    news = known.hear(ALICE, THIRD, is_certain=True)
    assert news is not None
    assert news.before is not None
    assert changes_between(news.before, news.after) == ((FEATURES[1], THIRD.states[1]),)


def test_what_is_hidden_is_nothing_to_tell_later(known: Known) -> None:
    """Where there was nothing else; also before anybody was told anything."""
    hidden = (FEATURES[1], SECOND.states[1])
    assert known.hear(ALICE, SECOND, is_certain=True, hidden=hidden) == News(FIRST, SECOND)
    assert known.hear(ALICE, SECOND, is_certain=True) is None
    known.expect(BOB)
    assert known.hear(BOB, SECOND, is_certain=True, hidden=hidden) == News(None, SECOND)
    assert known.hear(BOB, SECOND, is_certain=True) == News(None, SECOND)


def test_who_waits_for_a_read_is_told_no_changes_meanwhile(known: Known) -> None:
    """The read may give the newest: what changed before that would be told after it."""
    expected = known.expect(BOB)
    assert known.hear(BOB, SECOND, is_certain=True) == News(None, SECOND)
    assert known.hear(BOB, THIRD, is_certain=True) == News(None, THIRD)
    known.read(BOB, THIRD, expected)
    assert known.hear(BOB, THIRD, is_certain=True) is None


def test_what_is_forgotten_must_be_read_and_is_no_news(known: Known) -> None:
    """A conflict says that something else is stored, not what."""
    known.forget(ALICE)
    known.forget(BOB)
    assert known(ALICE) is None
    _read(known, ALICE, SECOND)
    assert known(ALICE) == SECOND
    assert known.hear(ALICE, SECOND, is_certain=True) == News(FIRST, SECOND)


def test_what_is_heard_while_an_own_change_is_under_way_is_not_certain(known: Known) -> None:
    """The own one may be newer, or come to nothing."""
    assert known.hear(ALICE, SECOND, is_certain=False) == News(FIRST, SECOND)
    assert known(ALICE) is None
    known.store(change(ALICE, NOTHING_STORED, FIRST))
    assert known(ALICE) is None
    known.store(change(ALICE, SECOND, THIRD))
    assert known(ALICE) == THIRD


def test_the_oldest_are_forgotten_and_their_watchers_told_everything(known: Known) -> None:
    """Memory is bounded; afterwards nobody knows what was told to whom."""
    _read(known, BOB, FIRST)
    _read(known, ALICE, SECOND)
    _read(known, CAROL, FIRST)
    assert len(known) == 2
    assert (known(ALICE), known(BOB), known(CAROL)) == (SECOND, None, FIRST)
    _read(known, BOB, FIRST)
    assert known.hear(BOB, SECOND, is_certain=True) == News(None, SECOND)
    assert known.hear(BOB, THIRD, is_certain=True) == News(SECOND, THIRD)


def test_a_read_is_not_told_to_watchers_who_were_taken_over(known: Known) -> None:
    """They were told by another node, perhaps before what was read; the feed is going to tell."""
    known.others_watch()
    _read(known, BOB, SECOND)
    assert known(BOB) == SECOND
    assert known.hear(BOB, SECOND, is_certain=True) == News(None, SECOND)
    assert known.hear(BOB, SECOND, is_certain=True) is None
    assert known.hear(ALICE, SECOND, is_certain=True) == News(FIRST, SECOND)
