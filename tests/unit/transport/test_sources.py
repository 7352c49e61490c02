"""Who sends."""

import ipaddress

import pytest

from dfks_rules.presence.gate import Trusted
from dfks_rules.transport import sources
from dfks_rules.transport.sources import TRUSTED_SHARE, Sources


def test_an_address_is_one_source_and_so_is_a_whole_64_of_ipv6() -> None:
    """Whoever has one address of a /64 has all of them."""
    table = Sources()
    assert table.of("192.0.2.1") is table.of("192.0.2.1")
    assert table.of("192.0.2.1") is not table.of("192.0.2.2")
    assert table.of("2001:db8::1") is table.of("2001:db8::ffff:1%eth0")
    assert table.of("2001:db8::1") is not table.of("2001:db8:0:1::1")
    assert table.of("2001:db8::1").name == "2001:db8::/64"
    assert table.of("192.0.2.1").name == "192.0.2.1"


def test_a_trusted_peer_has_a_bigger_share_than_its_neighbours_in_the_same_64() -> None:
    """It stands for all its phones; they do not."""
    table = Sources(lambda host: host == "2001:db8::1")
    proxy, other = table.of("2001:db8::1"), table.of("2001:db8::2")
    assert (proxy.share, other.share) == (TRUSTED_SHARE, 1)
    assert proxy.name == "2001:db8::1"
    assert table.of("2001:db8::3") is other


def test_who_sends_is_remembered_however_many_others_do() -> None:
    """Addresses can be made up: they must not fill the memory, nor clear anybody's account."""
    table = Sources()
    phone = table.of("192.0.2.1")
    for number in range(5 * sources.KEPT):
        table.of(f"stranger-{number}")
        if number % (sources.KEPT // 2) == 0:
            assert table.of("192.0.2.1") is phone
    assert len(table) <= 2 * sources.KEPT


@pytest.mark.parametrize("host", ["pbx.example.com", "a:b", "", "x%y"])
def test_a_name_is_a_source_that_nobody_trusts(host: str) -> None:
    """Connections that we open may go to a name, whatever a Contact says."""
    table = Sources(Trusted((ipaddress.ip_network("::/0"), ipaddress.ip_network("0.0.0.0/0"))).has)
    assert not table.of(host).is_trusted
    assert table.of(host) is table.of(host)
    assert table.of("192.0.2.1").is_trusted
