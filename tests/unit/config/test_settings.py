"""Settings as values."""

from dfks_rules.config.settings import ListenAddress


def test_address_is_shown_as_it_is_written_in_a_file() -> None:
    """An IPv6 address needs brackets before a port."""
    assert str(ListenAddress("udp", "127.0.0.1", 5060)) == "udp:127.0.0.1:5060"
    assert str(ListenAddress("tcp", "::1", 0)) == "tcp:[::1]:0"
