"""Targets of any hop in any zone, however strange."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.sip.flow import Hop, TransportName
from dfks_rules.sip.target import (
    MAX_TARGETS,
    Found,
    Naptr,
    Question,
    RecordType,
    Srv,
    find_targets,
    in_order,
)

_NAMES = st.sampled_from(["a.example", "b.example", "_sip._udp.a.example", "c", "", "192.0.2.1"])
_SERVERS = st.builds(Srv, st.integers(0, 3), st.integers(0, 5), st.integers(0, 65535), _NAMES)
_RULES = st.builds(
    Naptr,
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["s", "S", "u", "", "a"]),
    st.sampled_from(["SIP+D2U", "sip+d2t", "SIPS+D2T", "SIP+D2S", ""]),
    _NAMES,
)
_ADDRESSES = st.sampled_from(["192.0.2.1", "2001:db8::1", "224.0.0.1", "0.0.0.0", "127.0.0.1"])
_ANSWERS = st.none() | st.lists(st.one_of(_SERVERS, _RULES, _ADDRESSES), max_size=80)
_KINDS = st.lists(
    st.sampled_from([RecordType.A, RecordType.AAAA]), min_size=1, max_size=2, unique=True
)
_OFFERED = st.dictionaries(st.sampled_from(list(TransportName)), _KINDS)
_HOPS = st.builds(
    Hop,
    _NAMES.filter(bool),
    st.none() | st.integers(1, 65535),
    st.none() | st.sampled_from(list(TransportName)),
)
_ZONES = st.dictionaries(st.builds(Question, _NAMES, st.sampled_from(list(RecordType))), _ANSWERS)


@given(st.lists(_SERVERS, max_size=20), st.data())
def test_each_server_comes_once_and_none_before_one_of_lower_priority(
    records: list[Srv], data: st.DataObject
) -> None:
    """RFC 2782, whatever is drawn."""
    ordered = in_order(records, lambda most: data.draw(st.integers(0, most)))
    assert Counter(ordered) == Counter(records)
    assert [one.priority for one in ordered] == sorted(one.priority for one in records)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_each_server_is_drawn_first_as_often_as_its_weight_says(weights: list[int]) -> None:
    """RFC 2782: of all numbers that may be drawn but 0, which belongs to one of least weight."""
    records = [Srv(1, weight, 1, f"s{number}") for number, weight in enumerate(weights)]
    first = Counter(
        in_order(records, lambda most, drawn=drawn: min(most, drawn))[0]  # type: ignore[misc]
        for drawn in range(1, sum(weights) + 1)
    )
    assert all(first[one] == one.weight for one in records)


@given(
    _HOPS,
    _OFFERED,
    _ZONES,
)
def test_search_ends_after_three_rounds_and_finds_only_what_can_be_sent_to(
    hop: Hop,
    offered: dict[TransportName, list[RecordType]],
    zone: dict[Question, Found],
) -> None:
    """A stranger writes the hop and the zone: neither loops, nor floods, nor groups of hosts."""
    search = find_targets(hop, offered, lambda most: most // 2)
    rounds = asked = 0
    try:
        questions = next(search)
        while True:
            rounds, asked = rounds + 1, asked + len(questions)
            questions = search.send([zone.get(one, ()) for one in questions])
    except StopIteration as end:
        targets = end.value
    assert rounds <= 3
    assert asked <= 1 + 64 + 2 * MAX_TARGETS
    assert len(targets) == len(set(targets)) <= MAX_TARGETS
    for target in targets:
        assert target.transport in offered
        assert hop.transport in (None, target.transport)
        assert target.address not in ("224.0.0.1", "0.0.0.0")
