"""Where a SIP URI leads."""

from collections.abc import Mapping

import pytest

from dfks_rules.sip.flow import Hop, TransportName
from dfks_rules.sip.target import (
    MAX_AVOIDED,
    MAX_RECORDS,
    MAX_SERVICES,
    MAX_TARGETS,
    Avoided,
    Found,
    Naptr,
    Offered,
    Question,
    RecordType,
    Srv,
    Target,
    find_targets,
    in_order,
)

UDP, TCP, TLS = TransportName.UDP, TransportName.TCP, TransportName.TLS
A, AAAA, NAPTR, SRV = RecordType.A, RecordType.AAAA, RecordType.NAPTR, RecordType.SRV
_IPV4: Offered = {UDP: [A], TCP: [A], TLS: [A]}
_NAME = Hop("p.example", None, None)
_SERVER = Srv(1, 0, 5070, "s.example")


def _find(
    hop: Hop, zone: Mapping[tuple[str, RecordType], Found], offered: Offered = _IPV4
) -> tuple[list[Target], list[Question]]:
    """The targets, and every question that was asked; what is not in the zone has nothing."""
    search = find_targets(hop, offered, lambda most: most)
    asked: list[Question] = []
    try:
        questions = next(search)
        while True:
            asked += questions
            questions = search.send([zone.get(one, ()) for one in questions])
    except StopIteration as end:
        return end.value, asked


@pytest.mark.parametrize(
    ("hop", "target"),
    [
        (Hop("192.0.2.7", None, None), Target(UDP, "192.0.2.7", 5060)),
        (Hop("192.0.2.7", 5070, TCP), Target(TCP, "192.0.2.7", 5070)),
        (Hop("192.0.2.7", None, TLS), Target(TLS, "192.0.2.7", 5061)),
    ],
)
def test_numeric_host_needs_no_question(hop: Hop, target: Target) -> None:
    """RFC 3263 §4.2."""
    assert _find(hop, {}) == ([target], [])


def test_numeric_host_of_an_ip_version_that_is_not_served_leads_nowhere() -> None:
    """As does a group's address."""
    assert _find(Hop("2001:db8::7", None, None), {}) == ([], [])
    both: Offered = {UDP: [A, AAAA]}
    assert _find(Hop("2001:db8::7", None, None), {}, both)[0] == [Target(UDP, "2001:db8::7", 5060)]
    assert _find(Hop("224.0.0.1", None, None), {}) == ([], [])


def test_port_that_was_written_means_no_srv() -> None:
    """RFC 3263 §4.2: the name is then that of a machine; UDP where no transport is named (§4.1)."""
    zone: dict[tuple[str, RecordType], Found] = {("p.example", A): ["192.0.2.7", "192.0.2.8"]}
    targets, asked = _find(Hop("p.example", 5070, None), zone)
    assert targets == [Target(UDP, "192.0.2.7", 5070), Target(UDP, "192.0.2.8", 5070)]
    assert asked == [("p.example", A)]


def test_transport_that_was_written_means_no_naptr() -> None:
    """RFC 3263 §4.1; `sips` and `transport=tls` are `_sips._tcp`."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("_sip._tcp.p.example", SRV): [_SERVER],
        ("_sips._tcp.p.example", SRV): [_SERVER],
        ("s.example", A): ["192.0.2.7"],
    }
    for transport, prefix in ((TCP, "_sip._tcp"), (TLS, "_sips._tcp")):
        targets, asked = _find(Hop("p.example", None, transport), zone)
        assert targets == [Target(transport, "192.0.2.7", 5070)]
        assert asked == [(f"{prefix}.p.example", SRV), ("s.example", A)]


def test_naptr_chooses_the_transport_and_the_name_of_its_servers() -> None:
    """RFC 3263 §4.1: lowest order, then preference; what cannot be used is passed over."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("p.example", NAPTR): [
            Naptr(2, 1, "s", "SIP+D2U", "later.example"),
            Naptr(1, 30, "s", "SIP+D2U", "udp.example"),
            Naptr(1, 20, "S", "sip+d2t", "tcp.example"),
            Naptr(1, 10, "s", "SIP+D2S", "sctp.example"),
            Naptr(0, 0, "u", "E2U+sip", ""),
        ],
        ("udp.example", SRV): [_SERVER],
        ("tcp.example", SRV): [_SERVER._replace(port=5071)],
        ("s.example", A): ["192.0.2.7"],
    }
    targets, asked = _find(_NAME, zone)
    assert targets == [Target(TCP, "192.0.2.7", 5071), Target(UDP, "192.0.2.7", 5070)]
    assert asked[:3] == [("p.example", NAPTR), ("tcp.example", SRV), ("udp.example", SRV)]
    only_udp: Offered = {UDP: [A]}
    assert _find(_NAME, zone, only_udp)[0] == [Target(UDP, "192.0.2.7", 5070)]


def test_secure_service_counts_for_a_plain_uri_where_tls_is_served() -> None:
    """RFC 3263 §4.1: a domain that prefers TLS gets it."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("p.example", NAPTR): [
            Naptr(1, 1, "s", "SIPS+D2T", "tls.example"),
            Naptr(2, 1, "s", "SIP+D2U", "udp.example"),
        ],
        ("tls.example", SRV): [_SERVER],
        ("udp.example", SRV): [_SERVER],
        ("s.example", A): ["192.0.2.7"],
    }
    assert _find(_NAME, zone)[0] == [Target(TLS, "192.0.2.7", 5070)]
    assert _find(_NAME, zone, {UDP: [A]})[0] == [Target(UDP, "192.0.2.7", 5070)]


def test_without_naptr_each_transport_that_is_served_is_asked_for() -> None:
    """RFC 3263 §4.1, in the order of our preference."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("_sip._udp.p.example", SRV): [_SERVER],
        ("_sip._tcp.p.example", SRV): [_SERVER],
        ("s.example", A): ["192.0.2.7"],
    }
    tcp_first: Offered = {TCP: [A], UDP: [A]}
    targets, asked = _find(_NAME, zone, tcp_first)
    assert [target.transport for target in targets] == [TCP, UDP]
    assert [question.name for question in asked[1:3]] == [
        "_sip._tcp.p.example",
        "_sip._udp.p.example",
    ]


@pytest.mark.parametrize(
    ("offered", "target"),
    [
        (_IPV4, Target(UDP, "192.0.2.7", 5060)),
        ({TLS: [A]}, Target(TLS, "192.0.2.7", 5061)),
        ({TCP: [A], UDP: [A]}, Target(UDP, "192.0.2.7", 5060)),
    ],
)
def test_name_without_srv_is_that_of_a_machine(offered: Offered, target: Target) -> None:
    """RFC 3263 §4.2: at the default port; UDP for a `sip` URI, where we have that."""
    zone: dict[tuple[str, RecordType], Found] = {("p.example", A): ["192.0.2.7"]}
    assert _find(_NAME, zone, offered)[0] == [target]


def test_both_ip_versions_are_asked_for_where_both_are_served() -> None:
    """That of the listener that the phone asked comes first."""
    both: Offered = {UDP: [AAAA, A], TCP: [A]}
    zone: dict[tuple[str, RecordType], Found] = {
        ("p.example", A): ["192.0.2.7"],
        ("p.example", AAAA): ["2001:db8::7"],
    }
    targets, _ = _find(Hop("p.example", 5060, None), zone, both)
    assert [target.address for target in targets] == ["2001:db8::7", "192.0.2.7"]


def test_server_that_is_a_period_says_that_there_is_no_service() -> None:
    """RFC 2782: the name itself is then not asked for its address."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("_sip._udp.p.example", SRV): [Srv(0, 0, 0, "")],
        ("p.example", A): ["192.0.2.7"],
    }
    assert _find(Hop("p.example", None, UDP), zone)[0] == []


@pytest.mark.parametrize(
    "silent", [("p.example", NAPTR), ("_sip._udp.p.example", SRV), ("s.example", A)]
)
def test_nobody_is_asked_further_where_nobody_answers(silent: Question) -> None:
    """A dead name is given up after one wait, not after three."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("_sip._udp.p.example", SRV): [_SERVER],
        ("p.example", A): ["192.0.2.9"],
        silent: None,
    }
    targets, asked = _find(_NAME, zone, {UDP: [A]})
    assert (targets, asked[-1]) == ([], silent)


def test_server_whose_name_has_no_address_is_passed_over() -> None:
    """The next one may have; groups and this machine are no addresses."""
    zone: dict[tuple[str, RecordType], Found] = {
        ("_sip._udp.p.example", SRV): [_SERVER, Srv(2, 0, 5080, "t.example")],
        ("s.example", A): ["224.0.0.1", "0.0.0.0"],
        ("t.example", A): ["192.0.2.8"],
    }
    assert _find(Hop("p.example", None, UDP), zone)[0] == [Target(UDP, "192.0.2.8", 5080)]


def test_what_a_strangers_zone_may_cost_is_bounded() -> None:
    """He writes the records, and we ask for each name in them."""
    many = [Srv(1, 1, port, f"s{port}.example") for port in range(1, 1000)]
    zone: dict[tuple[str, RecordType], Found] = {("_sip._udp.p.example", SRV): many}
    zone |= {(one.host, A): [f"192.0.2.{n}" for n in range(1, 200)] for one in many}
    targets, asked = _find(Hop("p.example", None, UDP), zone)
    assert (len(targets), len(asked)) == (MAX_TARGETS, 1 + MAX_TARGETS)
    assert len(in_order(many, lambda most: 0)) == MAX_RECORDS


def test_hop_of_a_transport_that_is_not_served_leads_nowhere() -> None:
    """`sips` where there is no TLS."""
    assert _find(Hop("p.example", None, TLS), {}, {UDP: [A]}) == ([], [])


def test_servers_are_drawn_by_weight_within_their_priority() -> None:
    """RFC 2782: the running sum of the weights, those of weight 0 first."""
    light, heavy, none = Srv(1, 10, 1, "l"), Srv(1, 30, 1, "h"), Srv(1, 0, 1, "n")
    backup = Srv(2, 50, 1, "b")
    records = [backup, heavy, light, none]
    assert in_order(records, lambda most: 0) == [none, light, heavy, backup]
    assert in_order(records, lambda most: most) == [heavy, light, none, backup]
    assert in_order(records, lambda most: min(most, 10)) == [light, heavy, none, backup]
    assert in_order(records, lambda most: min(most, 11))[0] == heavy


def test_target_that_failed_is_tried_last_for_a_while() -> None:
    """Each request would wait for a dead server again."""
    first, second = Target(UDP, "192.0.2.7", 5060), Target(UDP, "192.0.2.8", 5060)
    avoided = Avoided()
    avoided.add(first, 10.0)
    assert avoided.last([first, second], 9.0) == [second, first]
    assert avoided.last([first, second], 10.5) == [first, second]
    assert len(avoided) == 0


def test_targets_that_are_avoided_are_bounded() -> None:
    """The oldest is forgotten."""
    avoided = Avoided()
    targets = [Target(UDP, "192.0.2.7", port) for port in range(MAX_AVOIDED + 1)]
    for target in targets:
        avoided.add(target, 10.0)
    assert len(avoided) == MAX_AVOIDED
    assert avoided.last([targets[1], targets[0]], 0.0) == [targets[0], targets[1]]


def test_name_that_a_stranger_wrote_does_not_lead_to_this_machine() -> None:
    """Whoever owns a name can have it mean 127.0.0.1, where MI listens."""
    both: Offered = {UDP: [A, AAAA]}
    zone: dict[tuple[str, RecordType], Found] = {
        ("p.example", A): ["127.0.0.1", "192.0.2.7", "127.8.8.8"],
        ("p.example", AAAA): ["::1", "::ffff:127.0.0.1"],
    }
    hop = Hop("p.example", 8888, None)
    assert _find(hop, zone, both)[0] == [Target(UDP, "192.0.2.7", 8888)]
    assert len(_find(hop._replace(may_be_here=True), zone, both)[0]) == 5


def test_questions_that_a_zone_can_cause_are_bounded() -> None:
    """64 NAPTR records led to 64 questions about names of anybody's, and these to 16 more."""
    both: Offered = {UDP: [A, AAAA]}
    names = [f"n{number}.victim.example" for number in range(MAX_RECORDS)]
    zone: dict[tuple[str, RecordType], Found] = {
        ("p.example", NAPTR): [Naptr(1, 1, "s", "SIP+D2U", name) for name in names],
        **{(name, SRV): [Srv(1, 1, port, name) for port in range(64)] for name in names},
    }
    _, asked = _find(_NAME, zone, both)
    assert [kind for _, kind in asked].count(SRV) == MAX_SERVICES
    assert len(asked) <= 1 + MAX_SERVICES + 2 * MAX_TARGETS
