"""What an endpoint counts."""

from dfks_rules.sip.counts import OTHER, Counts


def test_requests_count_by_transport_and_as_one_in_all() -> None:
    """Beside what else happened, by its name."""
    counts = Counts()
    counts.came(b"SUBSCRIBE", 0)
    counts.came(b"SUBSCRIBE", 2)
    counts.count("malformed")
    assert counts.requests == [{b"SUBSCRIBE": 1}, {}, {b"SUBSCRIBE": 1}]
    assert counts.total() == {"malformed": 1, "requests_subscribe": 2}
    assert counts.named == {"malformed": 1}


def test_methods_that_peers_make_up_are_one() -> None:
    """Neither the memory nor the page of metrics is filled with them."""
    counts = Counts()
    for number in range(1_000):
        counts.came(b"M%d" % number, 1)
    assert counts.requests[1] == {OTHER: 1_000}
    assert counts.total() == {"requests_other": 1_000}
