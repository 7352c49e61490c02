"""Which addresses may be asked."""

import ipaddress

import pytest

from dfks_rules.webhooks.addresses import MAX_URL, Rules

PUBLIC = Rules()
LISTED = Rules([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")])


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # metadata of clouds
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:7f00:1::1",
        "2001:db8::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_public_may_not_be_asked(address: str) -> None:
    """However an address that only the server can reach is written."""
    assert not PUBLIC.allow(address, is_secure=True)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ValueError, match=r"not a public address|neither"):
        PUBLIC.check_url(f"https://{host}/")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_asked_over_https_only(address: str) -> None:
    """Http is for networks that the operator has listed."""
    assert PUBLIC.allow(address, is_secure=True)
    assert not PUBLIC.allow(address, is_secure=False)


def test_listed_networks_may_be_private_and_without_tls() -> None:
    """Also where IPv4 is written as IPv6."""
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
        assert LISTED.allow(address, is_secure=False)
    assert not LISTED.allow("192.168.1.1", is_secure=True)
    LISTED.check_url("http://10.1.2.3:8080/dfks")
    LISTED.check_url("http://pbx.example.com/")
    with pytest.raises(ValueError, match="allow_networks"):
        PUBLIC.check_url("http://pbx.example.com/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1"])
def test_odd_spellings_of_addresses_are_no_names(host: str) -> None:
    """Libraries read them in different ways."""
    with pytest.raises(ValueError, match="neither a name nor an address"):
        PUBLIC.check_url(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pbx.example.com",
        "ftp://pbx.example.com/",
        "https://",
        "https:///path",
        "https://user:secret@pbx.example.com/",
        "https://pbx.example.com/#x",
        "https://pbx.example.com\\@10.0.0.1/",
        "https://pbx.example.com:0/",
        "https://pbx.example.com:99999/",
        "https://pbx.example.com:x/",
        "https://[::1/",
        "https://pbx.example.com/\n",
        "https://pbx.example.com/ x",
        "https://bücher.example/",
        "https://a..b/",
        "https://" + "a" * MAX_URL,
    ],
)
def test_what_is_no_url_of_an_endpoint_is_told(url: str) -> None:
    """With a reason, when it is added."""
    with pytest.raises(ValueError, match=r"URL|must not|neither"):
        PUBLIC.check_url(url)


def test_names_are_taken() -> None:
    """What they resolve to is checked when a connection is made."""
    for url in ("https://pbx.example.com/dfks?x=1", "https://PBX.example.com.:8443", "https://pbx"):
        PUBLIC.check_url(url)
