"""Whatever sources send, and in whatever order, each has its turn."""

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport.rates import Bucket
from dfks_rules.transport.round_robin import OVERHEAD, PER_SOURCE, QUANTUM, RoundRobin
from dfks_rules.transport.sources import Source

_FLOW = Flow(Listener("udp", "192.0.2.1", 5060), ("192.0.2.7", 5062))
_LONGEST = 3_000
_SOURCES = 5
_PUT = st.tuples(st.integers(0, _SOURCES - 1), st.integers(1, _LONGEST))
_STEPS = st.lists(st.one_of(st.none(), _PUT), min_size=50, max_size=300)
"""What comes, by source and length; None takes one."""


def _sources() -> list[Source]:
    return [Source(str(number), is_trusted=number == 0) for number in range(_SOURCES)]


@given(_STEPS)
def test_a_quiet_source_waits_at_most_for_one_share_of_each_other(
    steps: list[tuple[int, int] | None],
) -> None:
    """However much the others send, and however long it is."""
    queues, sources, phone = RoundRobin(), _sources(), Source("phone")
    at_most = sum(one.share * QUANTUM + _LONGEST + OVERHEAD for one in sources)
    for _ in range(30):
        for one in sources:
            queues.put(one, b"x" * _LONGEST, _FLOW)
    spent = 0
    for step in steps:
        if not phone.size:
            queues.put(phone, b"p" * 400, _FLOW)
            spent = 0
        if step is not None:
            number, length = step
            queues.put(sources[number], b"x" * length, _FLOW)
            continue
        job = queues.take()
        assert isinstance(job, tuple)
        if job[0][:1] == b"x":
            spent += len(job[0]) + OVERHEAD
            assert spent <= at_most


@given(_STEPS, st.integers(0, _SOURCES - 1))
def test_what_is_dropped_is_of_the_source_that_sent_too_much(
    steps: list[tuple[int, int] | None], flooder: int
) -> None:
    """Of all others every message is worked on, in its order."""
    queues, sources = RoundRobin(), _sources()
    flood = PER_SOURCE * sources[flooder].room // (_LONGEST + OVERHEAD)
    for _ in range(flood):
        queues.put(sources[flooder], b"f" * (_LONGEST - 1) + bytes([flooder]), _FLOW)
    sent: list[list[bytes]] = [[] for _ in sources]
    taken: list[list[bytes]] = [[] for _ in sources]

    def take() -> bool:
        job = queues.take()
        if isinstance(job, tuple):
            taken[job[0][-1]].append(job[0])
        return job is not None

    for position, step in enumerate(steps):
        if step is None:
            take()
            continue
        number, length = step
        data = b"%d %b%c" % (position, b"x" * length, number)
        if queues.put(sources[number], data, _FLOW) is None:
            sent[number].append(data)
        else:
            assert number == flooder
    while take():
        pass
    for number in range(_SOURCES):
        if number != flooder:
            assert taken[number] == sent[number]
    assert queues.size == 0
    assert all(one.size == 0 for one in sources)


@given(st.integers(1, 300), st.lists(st.floats(0, 2), max_size=200))
def test_no_second_has_more_than_two_bursts(rate: int, pauses: list[float]) -> None:
    """A burst that was saved up, and what a second brings."""
    bucket, full_at, now = Bucket(rate), 0.0, 100.0
    admitted: list[float] = []
    for pause in pauses:
        now += pause / rate
        after = bucket.after(full_at, now)
        if after is not None:
            full_at = after
            admitted.append(now)
    for begin in admitted:
        assert sum(begin <= one < begin + 1 for one in admitted) <= 2 * rate
