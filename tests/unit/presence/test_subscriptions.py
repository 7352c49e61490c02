"""Where subscriptions are found, and when they are looked at."""

from itertools import chain

from dfks_rules.presence.subscription import Termination
from dfks_rules.presence.subscriptions import PORTION, SPARE, Subscriptions
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.flow import Flow, Listener
from tests.helpers.lives import Lives
from tests.helpers.playbook import Playbook, default_policies, message
from tests.helpers.policy import ALICE, BOB, PHONE
from tests.helpers.subscription import active


def test_subscription_is_found_by_all_three_parts_of_its_dialog() -> None:
    """RFC 3261 §12: whoever knows only one of them is a stranger."""
    subscriptions = Subscriptions()
    one = active(b"t")
    subscriptions.add(one)
    assert subscriptions.find(b"call-1", b"t", b"phone") is one
    for stranger in (
        (b"call-2", b"t", b"phone"),
        (b"call-1", b"u", b"phone"),
        (b"call-1", b"t", b"x"),
    ):
        assert subscriptions.find(*stranger) is None


def test_subscriptions_of_a_presentity_are_those_that_live() -> None:
    """Each change is told to them; removing twice is harmless."""
    subscriptions = Subscriptions()
    one, two, three = active(b"1"), active(b"2"), active(b"3")
    for subscription in (one, two, three):
        subscriptions.add(subscription)
    assert subscriptions.of(ALICE) == (one, two, three)
    assert subscriptions.of(BOB) == ()
    for _ in range(2):
        subscriptions.remove(one)
    assert (subscriptions.of(ALICE), len(subscriptions)) == ((two, three), 2)
    subscriptions.remove(three)
    assert (subscriptions.of(ALICE), list(subscriptions)) == ((two,), [two])
    subscriptions.remove(two)
    assert subscriptions.of(ALICE) == ()


def test_those_that_live_are_given_in_portions_each_once_in_a_pass() -> None:
    """A stop is paced: so many at a time."""
    subscriptions = Subscriptions()
    some = [active(b"%d" % number) for number in range(3)]
    for one in some:
        subscriptions.add(one)
    assert subscriptions.some(2) == some[:2]
    assert subscriptions.some(5) == some[2:]
    assert subscriptions.some(5) == some


def test_iteration_survives_removals() -> None:
    """Ending all of them removes each while they are gone through."""
    subscriptions = Subscriptions()
    for number in range(3):
        subscriptions.add(active(b"%d" % number))
    for subscription in subscriptions:
        subscriptions.remove(subscription)
    assert len(subscriptions) == 0


def test_a_later_deadline_is_followed_and_what_was_removed_forgotten() -> None:
    """A refresh costs nothing: the entry is moved when it comes up."""
    subscriptions = Subscriptions()
    short, refreshed, gone = (active(tag) for tag in (b"1", b"2", b"3"))
    for subscription in (short, refreshed, gone):
        subscriptions.add(subscription)
    refreshed.refreshing()
    refreshed.refreshed(PHONE, 20.0)
    subscriptions.schedule(refreshed)
    subscriptions.remove(gone)
    assert subscriptions.due(9.9) == []
    assert subscriptions.due(10.0) == [short]
    assert subscriptions.next_deadline() == 20.0
    assert subscriptions.due(20.0) == [refreshed]
    assert subscriptions.next_deadline() is None


def test_a_deadline_that_came_nearer_is_met_once() -> None:
    """3600, then 60: the entry of the first grant must not count any more."""
    subscriptions = Subscriptions()
    one = active(b"1", 3600.0)
    subscriptions.add(one)
    one.refreshing()
    one.refreshed(PHONE, 60.0)
    subscriptions.schedule(one)
    assert subscriptions.next_deadline() == 60.0
    assert subscriptions.due(60.0) == [one]
    assert subscriptions.due(3600.0) == []


def test_a_part_of_a_second_is_rounded_up() -> None:
    """Nothing is due before its time, and at most a second late."""
    subscriptions = Subscriptions()
    one = active(b"1", 10.25)
    subscriptions.add(one)
    assert subscriptions.due(10.9) == []
    assert subscriptions.due(11.0) == [one]


def test_one_that_is_being_refreshed_is_looked_at_again_when_it_is_done() -> None:
    """Its entry came up while no deadline held."""
    subscriptions = Subscriptions()
    one = active(b"1", 10.0)
    subscriptions.add(one)
    one.refreshing()
    assert subscriptions.due(10.0) == []
    one.refused(PHONE)
    subscriptions.schedule(one)
    assert subscriptions.due(11.0) == [one]


def test_what_phones_unsubscribed_is_not_remembered_until_its_deadline() -> None:
    """A phone that subscribes and unsubscribes all day would fill the memory for an hour."""
    subscriptions = Subscriptions()
    lasting = active(b"lasting", 7.0)
    subscriptions.add(lasting)
    for number in range(3 * SPARE):
        brief = active(b"%d" % number, 3600.0)
        subscriptions.add(brief)
        subscriptions.remove(brief)
        brief.ended(Termination.TIMEOUT)
    assert subscriptions._entries < 2 * SPARE
    assert sum(map(len, subscriptions._pages.values())) == subscriptions._entries
    assert subscriptions.next_deadline() == 7.0
    assert subscriptions.due(7.0) == [lasting]


def test_deadlines_that_come_nearer_all_day_do_not_fill_the_memory() -> None:
    """A phone that asks for a day and for a minute in turns leaves an entry each time."""
    subscriptions = Subscriptions()
    one = active(b"1", 86_400.0)
    subscriptions.add(one)
    now = 0.0
    for _ in range(3 * SPARE):
        for expires in (60.0, 86_400.0):
            one.refreshing()
            one.refreshed(PHONE, now + expires)
            subscriptions.schedule(one)
        now += 60.0
        assert subscriptions.due(now) == []
    assert subscriptions._entries < 2 * SPARE


def test_a_second_with_thousands_of_deadlines_is_worked_off_in_portions() -> None:
    """Phones that subscribed together expire together: others must not wait for all of them."""
    subscriptions = Subscriptions()
    for number in range(2 * PORTION + 1):
        subscriptions.add(active(b"%d" % number))
    found = []
    for size in (PORTION, PORTION, 1):
        assert subscriptions.next_deadline() == 10.0
        due = subscriptions.due(10.0)
        assert len(due) == size
        found += due
        for one in due:
            subscriptions.remove(one)
    assert len(set(found)) == 2 * PORTION + 1
    assert subscriptions.next_deadline() is None
    assert subscriptions._entries == 0


def test_a_portion_may_be_of_several_seconds() -> None:
    """The server slept, or the machine did."""
    subscriptions = Subscriptions()
    for number in range(PORTION + 1):
        subscriptions.add(active(b"%d" % number, float(number // 10)))
    assert len(subscriptions.due(100.0)) == PORTION
    assert subscriptions.next_deadline() is not None
    assert len(subscriptions.due(100.0)) == 1


def test_tags_are_listed_without_a_look_at_the_subscriptions() -> None:
    """Of 100,000 an operator sees one page."""
    subscriptions = Subscriptions()
    for tag in (b"1", b"2"):
        subscriptions.add(active(tag))
    assert subscriptions.tags(None) == subscriptions.tags(ALICE) == [b"1", b"2"]
    assert subscriptions.tags(BOB) == []
    assert subscriptions.has(b"1")
    assert not subscriptions.has(b"3")


def _listed(subscriptions: Subscriptions, at_most: int) -> list[list[bytes]]:
    """Tags, page by page, to the end."""
    pages: list[list[bytes]] = []
    place: tuple[int, int] | None = (0, 0)
    while place is not None:
        found, place = subscriptions.listed(*place, at_most)
        pages.append([tag for _, _, tag, _ in found])
        assert len(pages) < 1_000
    return pages


def test_they_are_listed_from_place_to_place_each_once() -> None:
    """However many there are, a page looks at a few."""
    subscriptions = Subscriptions()
    some = [active(b"%d" % number, 10.0 + number // 7) for number in range(50)]
    for one in some:
        subscriptions.add(one)
    for at_most in (1, 3, 7, 100):
        pages = _listed(subscriptions, at_most)
        assert max(map(len, pages)) <= at_most
        assert sorted(chain(*pages)) == sorted(one.dialog.local_tag for one in some)


def test_a_list_goes_on_behind_those_that_it_has_given() -> None:
    """Others come and go meanwhile."""
    subscriptions = Subscriptions()
    some = [active(b"%d" % number) for number in range(6)]
    for one in some[:4]:
        subscriptions.add(one)
    found, place = subscriptions.listed(0, 0, 3)
    assert [tag for _, _, tag, _ in found] == [b"0", b"1", b"2"]
    assert place is not None
    subscriptions.remove(some[0])
    subscriptions.remove(some[3])
    subscriptions.add(some[4])
    found, place = subscriptions.listed(*place, 3)
    assert [tag for _, _, tag, _ in found] == [b"4"]
    assert place is None


def test_an_entry_that_no_longer_counts_is_not_listed() -> None:
    """A deadline that came nearer has two."""
    subscriptions = Subscriptions()
    one = active(b"1", 100.0)
    subscriptions.add(one)
    one.refreshing()
    one.refreshed(PHONE, 20.0)
    subscriptions.schedule(one)
    assert list(chain(*_listed(subscriptions, 1_000))) == [b"1"]
    assert subscriptions.listed(10**9, 5, 10) == ([], None)


def test_whoever_wants_to_know_is_told_that_one_begins() -> None:
    """One of an earlier life does not begin."""
    subscriptions = Subscriptions()
    told: list[object] = []
    subscriptions.add(active(b"1"))
    subscriptions.told = lambda subscription, why: told.append((subscription, why))
    one = active(b"2")
    subscriptions.add(one)
    assert told == [(one, None)]


def test_subscriptions_are_counted_by_the_transport_of_their_notifys() -> None:
    """A phone that refreshes by another one counts there from then on."""
    book = Playbook(default_policies())
    response, notify = book.receive(message())
    book.answer(notify)
    by_transport = book.notifier.subscriptions.by_transport
    assert by_transport == [1, 0, 0]
    stream = Flow(Listener("tcp", "192.0.2.1", 5060), ("192.0.2.7", 40000), 3)
    via = b"SIP/2.0/TCP 192.0.2.7:5062;branch=z9hG4bK2"
    again = message(cseq=b"2 SUBSCRIBE", to=response.headers[b"To"], via=via)
    _, notify = book.receive(again, stream)
    assert by_transport == [0, 1, 0]
    via = b"SIP/2.0/TCP 192.0.2.7:5062;branch=z9hG4bK3"
    end = message(cseq=b"3 SUBSCRIBE", to=response.headers[b"To"], via=via, expires=b"0")
    book.receive(end, stream)
    assert by_transport == [0, 0, 0]


def test_rows_of_an_earlier_life_are_counted_too() -> None:
    """As rows and as what they become."""
    lives = Lives()
    _, notify = lives.book.receive(message())
    lives.book.answer(notify)
    subscriptions = lives.stop().notifier.subscriptions
    assert (subscriptions.made(), subscriptions.by_transport) == ([], [1, 0, 0])
    assert len(list(subscriptions)) == 1
    assert (len(subscriptions.made()), subscriptions.by_transport) == (1, [1, 0, 0])


def test_rows_of_an_earlier_life_stay_asleep_until_somebody_wants_them() -> None:
    """They take little, and whoever looks at their tags and presentities makes nothing of them."""
    lives = Lives()
    lives.book.answer(lives.book.receive(message())[1])
    (row,) = lives.store.rows.values()
    subscriptions = lives.stop().notifier.subscriptions
    assert isinstance(subscriptions._by_tag[row.tag], bytes)
    held = subscriptions.held(row.tag)
    assert isinstance(held, DialogRow)
    assert held._replace(flags=row.flags) == row
    (watched,) = subscriptions.watched()
    assert subscriptions.whose(watched) == ALICE
    assert subscriptions.tags(ALICE) == [row.tag]
    found, _ = subscriptions.listed(0, 0, 10)
    assert [(tag, whose) for _, _, tag, whose in found] == [(row.tag, ALICE)]
    assert (subscriptions.made(), subscriptions.asleep) == ([], 0)
    (one,) = subscriptions.of(ALICE)
    assert (one.row, subscriptions.held(row.tag)) == (row.row, one)
    subscriptions.remove(one)
    assert subscriptions.watched() == subscriptions.tags(ALICE) == []
    assert subscriptions.whose(watched) is None


def test_the_calendar_is_written_anew_with_rows() -> None:
    """They keep their deadlines."""
    lives = Lives()
    lives.book.answer(lives.book.receive(message())[1])
    subscriptions = lives.stop().notifier.subscriptions
    before = subscriptions.next_deadline()
    subscriptions._write_anew()
    assert (subscriptions.next_deadline(), subscriptions.made()) == (before, [])
