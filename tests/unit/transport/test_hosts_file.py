"""/etc/hosts."""

import os
from pathlib import Path

from dfks_rules.transport.hosts_file import HostsFile

_TEXT = """
127.0.0.1  localhost
# a comment
192.0.2.7\tProxy proxy.example.com.   # another
192.0.2.8  proxy
192.0.2.7  proxy
2001:DB8::7 proxy
fe80::1%eth0 local
nonsense   proxy
192.0.2.9
"""


def test_names_of_the_file_have_their_addresses(tmp_path: Path) -> None:
    """Of both IP versions; case does not matter, and what cannot be read is passed over."""
    file = tmp_path / "hosts"
    file.write_text(_TEXT)
    hosts = HostsFile(file)
    assert hosts.addresses("proxy") == ["192.0.2.7", "192.0.2.8", "2001:db8::7"]
    assert hosts.addresses("proxy.example.com") == ["192.0.2.7"]
    assert hosts.addresses("other") is None


def test_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """Without a restart, as every other program does."""
    file = tmp_path / "hosts"
    hosts = HostsFile(file)
    assert hosts.addresses("proxy") is None
    file.write_text("192.0.2.7 proxy\n")
    assert hosts.addresses("proxy") == ["192.0.2.7"]
    file.write_text("192.0.2.8 proxy\n")
    os.utime(file, ns=(1, 1))
    assert hosts.addresses("proxy") == ["192.0.2.8"]
    file.unlink()
    assert hosts.addresses("proxy") is None


def test_localhost_is_this_machine(tmp_path: Path) -> None:
    """RFC 6761 §6.3: it is never asked for in DNS."""
    assert HostsFile(tmp_path / "none").addresses("localhost") == ["127.0.0.1", "::1"]
