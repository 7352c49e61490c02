"""What DNS has answered."""

from dfks_rules.sip.target import Question, RecordType
from dfks_rules.transport.dns_cache import LONGEST, NEGATIVE, DnsCache

_ONE, _TWO = Question("a.example", RecordType.A), Question("b.example", RecordType.A)


def test_answer_holds_for_its_time_to_live_and_no_longer() -> None:
    """RFC 1035 §3.2.1."""
    cache = DnsCache()
    cache.keep(_ONE, ("192.0.2.7",), 60.0, 100.0)
    assert cache.find(_ONE, 159.9) == (("192.0.2.7",),)
    assert cache.find(_ONE, 160.0) is None
    assert len(cache) == 0
    cache.keep(_ONE, ("192.0.2.7",), 1e9, 0.0)
    assert cache.find(_ONE, LONGEST - 1) is not None
    assert cache.find(_ONE, LONGEST) is None


def test_answer_of_no_time_to_live_is_not_kept() -> None:
    """RFC 1035 §3.2.1: it is for the transaction in progress."""
    cache = DnsCache()
    cache.keep(_ONE, ("192.0.2.7",), 0.0, 0.0)
    assert cache.find(_ONE, 0.0) is None


def test_that_there_is_nothing_is_believed_for_a_short_while() -> None:
    """RFC 2308: a flood of sets to a dead name must not be a flood of questions."""
    for found in ((), None):
        cache = DnsCache()
        cache.keep(_ONE, found, 3600.0, 0.0)
        assert cache.find(_ONE, NEGATIVE - 1) == (found,)
        assert cache.find(_ONE, NEGATIVE) is None
        cache.keep(_ONE, found, 2.0, 0.0)
        assert cache.find(_ONE, 2.0) is None


def test_answer_that_was_used_least_lately_goes_first() -> None:
    """Strangers can ask for as many names as they like."""
    cache = DnsCache(most=2)
    cache.keep(_ONE, ("192.0.2.7",), 60.0, 0.0)
    cache.keep(_TWO, ("192.0.2.8",), 60.0, 0.0)
    assert cache.find(_ONE, 1.0) is not None
    cache.keep(Question("c.example", RecordType.A), (), 60.0, 1.0)
    assert (len(cache), cache.find(_TWO, 1.0)) == (2, None)
    assert cache.find(_ONE, 1.0) is not None
