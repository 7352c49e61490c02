"""Requests that were answered not long ago, written down."""

from dfks_rules.sip.answered import PAGE, PORTION, Answered, Entry
from dfks_rules.sip.flow import Flow, Listener
from tests.helpers.playbook import FLOW


def _entry(number: int, response: bytes = b"200", flow: Flow = FLOW) -> Entry:
    return Entry(b"key-%d" % number, b"merge-%d" % number, flow, response)


def test_what_was_answered_is_found_as_it_was_until_it_is_time() -> None:
    """By either key, with the way back, be it a stream or IPv6."""
    answered = Answered()
    stream = Flow(Listener("tcp", "2001:db8::1", 5060), ("2001:db8::7", 65_535), 7)
    one, two = _entry(1), _entry(2, b"x" * 5_000, stream)
    answered.write(one, 32.0)
    answered.write(two, 33.0)
    assert (answered.find(b"key-1"), answered.find(b"key-2")) == (one, two)
    assert answered.is_merged(b"merge-1")
    assert answered.find(b"key-3") is None
    assert not answered.is_merged(b"merge-3")
    assert answered.next_deadline() == 32.0
    answered.expire(32.0)
    assert (answered.find(b"key-1"), answered.find(b"key-2")) == (None, two)
    assert not answered.is_merged(b"merge-1")
    assert answered.next_deadline() == 33.0
    answered.expire(33.0)
    assert (len(answered), answered.next_deadline()) == (0, None)


def test_a_port_that_there_cannot_be_is_kept_as_it_is() -> None:
    """A Via may say anything; whether it can be sent there is for the transport to find out."""
    answered = Answered()
    entry = _entry(1, flow=Flow(FLOW.listener, ("127.0.0.1", 99_999)))
    answered.write(entry, 32.0)
    assert answered.find(b"key-1") == entry


def test_what_has_no_merge_key_is_merged_with_nothing() -> None:
    """A request in a dialog comes one way only."""
    answered = Answered()
    answered.write(Entry(b"key", b"", FLOW, b"200"), 32.0)
    assert not answered.is_merged(b"")
    answered.expire(32.0)
    assert answered.find(b"key") is None


def test_what_is_answered_again_is_found_as_it_was_answered_last() -> None:
    """And it is known for as long as the last answer is."""
    answered = Answered()
    answered.write(_entry(1, b"100"), 32.0)
    answered.write(_entry(1, b"200"), 40.0)
    assert answered.find(b"key-1") == _entry(1, b"200")
    answered.expire(32.0)
    assert answered.find(b"key-1") == _entry(1, b"200")
    assert answered.is_merged(b"merge-1")
    answered.expire(40.0)
    assert answered.find(b"key-1") is None


def test_pages_that_nobody_needs_are_given_back() -> None:
    """A burst leaves one page at most, however long its messages were."""
    answered = Answered()
    count, long = 5_000, b"r" * 700
    for number in range(count):
        answered.write(_entry(number, long), 32.0 + number / 1_000)
    answered.write(_entry(count, b"x" * (PAGE + 1)), 38.0)
    answered.write(_entry(count + 1), 38.0)
    assert len(answered._pages) >= 5
    assert answered.find(b"key-0") == _entry(0, long)
    assert answered.find(b"key-%d" % count) == _entry(count, b"x" * (PAGE + 1))
    forgotten = 0
    while answered.next_deadline() is not None:
        before = len(answered)
        answered.expire(40.0)
        assert 0 < before - len(answered) <= PORTION
        forgotten += before - len(answered)
    assert forgotten == count + 2
    answered.expire(40.0)
    assert len(answered._pages) <= 1
    answered.write(_entry(1), 72.0)
    assert answered.find(b"key-1") == _entry(1)
