"""How much a source may send; time is a number."""

import pytest

from dfks_rules.transport.rates import (
    HANDSHAKE,
    MOST_ANSWERS,
    REFUSALS,
    REFUSALS_IN_ALL,
    Bucket,
    Rates,
)
from dfks_rules.transport.sources import Source

_REQUEST = b"OPTIONS sip:a SIP/2.0\r\n\r\n"
_RESPONSE = b"SIP/2.0 200 OK\r\n\r\n"


def _admitted(rates: Rates, source: Source, data: bytes, now: float, many: int = 1000) -> int:
    return sum(rates.admits(source, data, now) for _ in range(many))


@pytest.mark.parametrize("now", [0.0, 12.5, 1e6 + 1 / 3])
@pytest.mark.parametrize("rate", [1, 3, 20, 200])
def test_a_second_brings_what_a_second_may_and_saves_no_more(rate: int, now: float) -> None:
    """As many may come at once as in a second: phones that start together are one burst."""
    rates, source = Rates(rate), Source("192.0.2.1")
    assert _admitted(rates, source, _REQUEST, now) == rate
    assert _admitted(rates, source, _REQUEST, now + 1.0001 / rate) == 1
    assert _admitted(rates, source, _REQUEST, now + 100) == rate


def test_sources_do_not_pay_for_each_other() -> None:
    """That is what they are told apart for."""
    rates, one, other = Rates(5), Source("192.0.2.1"), Source("192.0.2.2")
    assert _admitted(rates, one, _REQUEST, 0.0) == 5
    assert _admitted(rates, other, _REQUEST, 0.0) == 5


def test_without_a_limit_and_for_trusted_peers_there_is_none() -> None:
    """A proxy stands for all its phones."""
    assert _admitted(Rates(None), Source("192.0.2.1"), _REQUEST, 0.0) == 1000
    proxy = Source("192.0.2.1", is_trusted=True)
    assert _admitted(Rates(5), proxy, _REQUEST, 0.0) == 1000


def test_each_request_of_ours_lets_one_response_in_on_top() -> None:
    """300 phones behind one NAT answer 300 NOTIFYs at once."""
    rates, site = Rates(5), Source("192.0.2.1")
    for _ in range(300):
        rates.asked(site)
    assert _admitted(rates, site, _REQUEST, 0.0) == 5
    assert _admitted(rates, site, _RESPONSE, 0.0) == 300
    for _ in range(2 * MOST_ANSWERS):
        rates.asked(site)
    assert site.answers == MOST_ANSWERS


def test_few_requests_are_refused_and_nothing_else_is() -> None:
    """An answer costs as much as a request, and more if it is sent to somebody who is forged."""
    rates, source = Rates(5), Source("192.0.2.1")
    assert not any(rates.refuses(source, one, 0.0) for one in (_RESPONSE, b"junk", b"\r\n"))
    assert sum(rates.refuses(source, _REQUEST, 0.0) for _ in range(1000)) == REFUSALS
    assert sum(rates.refuses(source, _REQUEST, 1.001) for _ in range(1000)) == REFUSALS


def test_all_sources_together_are_refused_so_often_and_no_more() -> None:
    """Addresses can be made up."""
    rates = Rates(5)
    strangers = [Source(str(number)) for number in range(1000)]
    assert sum(rates.refuses(one, _REQUEST, 0.0) for one in strangers) == REFUSALS_IN_ALL


def test_a_handshake_counts_as_several_messages_but_never_as_more_than_there_are() -> None:
    """With a limit of 1/s there must be handshakes, too."""
    rates, source = Rates(4 * HANDSHAKE), Source("192.0.2.1")
    assert sum(rates.takes(source, 0.0, HANDSHAKE) for _ in range(100)) == 4
    assert Bucket(1).after(0.0, 5.0, HANDSHAKE) == 6.0
    assert Bucket(1).after(6.0, 5.0, HANDSHAKE) is None
