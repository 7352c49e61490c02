"""Questions to DNS servers."""

import os
from pathlib import Path

import pytest

from dfks_rules.sip.target import Naptr, Question, RecordType, Srv
from dfks_rules.transport import resolver as module
from dfks_rules.transport.resolver import UNANSWERED, Answer, Resolver
from tests.helpers.name_server import NameServer, name_server

_ZONE = r"""
p.example 60 A 192.0.2.7
p.example 60 A 192.0.2.8
p.example 30 AAAA 2001:db8::7
p.example 0 NAPTR 10 20 "s" "SIP+D2T" "" _sip._tcp.P.example.
_sip._tcp.p.example 60 SRV 1 2 5070 S.example.
_sip._udp.p.example 60 SRV 0 0 0 .
"""


def _ask(server: NameServer) -> Resolver:
    return Resolver([("127.0.0.1", server.port)])


async def test_records_are_read_with_their_time_to_live() -> None:
    """Names without the final period, in lower case."""
    async with name_server(_ZONE) as server:
        resolver = _ask(server)

        async def ask(name: str, kind: RecordType) -> Answer:
            return await resolver.ask(Question(name, kind))

        found = await ask("P.example", RecordType.A)
        assert (sorted(map(str, found.found or ())), found.ttl) == (["192.0.2.7", "192.0.2.8"], 60)
        assert await ask("p.example", RecordType.AAAA) == (("2001:db8::7",), 30)
        assert await ask("p.example", RecordType.NAPTR) == (
            (Naptr(10, 20, "s", "SIP+D2T", "_sip._tcp.p.example"),),
            0,
        )
        assert (await ask("_sip._tcp.p.example", RecordType.SRV)).found == (
            Srv(1, 2, 5070, "s.example"),
        )
        assert (await ask("_sip._udp.p.example", RecordType.SRV)).found == (Srv(0, 0, 0, ""),)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("_sip._tcp.p.example", ()),  # No address.
        ("nobody.example", ()),
        ("broken.example", ()),  # The server says that it cannot say.
        ("a..b", None),
        ("x" * 64 + ".example", None),
        ("_sip._tcp." + "a." * 126 + "b", None),
    ],
)
async def test_name_without_an_answer_is_no_error(name: str, found: tuple[()] | None) -> None:
    """Whatever the peer wrote."""
    async with name_server(_ZONE) as server:
        assert (await _ask(server).ask(Question(name, RecordType.A))).found == found


async def test_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known then, not even that there is nothing."""
    monkeypatch.setattr(module, "TRY", 0.05)
    monkeypatch.setattr(module, "LIFETIME", 0.1)
    async with name_server(_ZONE) as server:
        assert await _ask(server).ask(Question("a.dead.example", RecordType.A)) == UNANSWERED
    # Nobody is there now.
    assert await _ask(server).ask(Question("p.example", RecordType.A)) == UNANSWERED


async def test_servers_of_the_machine_are_read_again_when_they_change(tmp_path: Path) -> None:
    """A DHCP client writes the file anew; without one there is nobody to ask."""
    file = tmp_path / "resolv.conf"
    resolver = Resolver(system=file)
    question = Question("p.example", RecordType.A)
    assert await resolver.ask(question) == UNANSWERED
    file.write_text("options timeout:1\n")
    assert await resolver.ask(question) == UNANSWERED
    file.write_text("nameserver 127.0.0.9\n")
    os.utime(file, ns=(1, 1))
    asks = resolver._of_machine()
    assert asks is not None
    assert [str(one) for one in asks.nameservers] == ["Do53:127.0.0.9@53"]
    assert resolver._of_machine() is asks
    file.write_text("nameserver 127.0.0.10\n")
    os.utime(file, ns=(2, 2))
    assert resolver._of_machine() is not asks


@pytest.mark.parametrize(
    "text",
    [
        "nameserver 127.0.0.9\nnameserver dns.example\n",
        "nameserver 1.2.3\nnameserver 127.0.0.9 trailing\n",
        "search a..b\nnameserver 127.0.0.9\n",
        f"domain {'x' * 64}\noptions timeout:x\nnameserver\n nameserver 127.0.0.9\n",
    ],
)
async def test_lines_of_the_machine_that_mean_nothing_are_left_out(
    tmp_path: Path, text: str
) -> None:
    """They raised where nobody expected it, or left nobody to ask."""
    file = tmp_path / "resolv.conf"
    file.write_bytes(b"# \xe9\n" + text.encode())
    asks = Resolver(system=file)._of_machine()
    assert asks is not None
    assert [str(one) for one in asks.nameservers] == ["Do53:127.0.0.9@53"]


async def test_answer_that_does_not_fit_is_fetched_over_tcp() -> None:
    """RFC 7766 §5: 64 servers are more than a datagram has room for."""
    zone = "\n".join(f"_sip._udp.p.example 60 SRV 1 1 {port} s.p.example." for port in range(64))
    async with name_server(zone) as server:
        found = (await _ask(server).ask(Question("_sip._udp.p.example", RecordType.SRV))).found
        assert found is not None
        assert len(found) == 64


async def test_answer_that_is_too_long_is_not_read() -> None:
    """It took the event loop 50 ms and more, of which a stranger could have as many as he liked."""
    zone = "\n".join(f"p.example 60 A 10.1.{n // 256}.{n % 256}" for n in range(4_000))
    async with name_server(zone) as server:
        assert await _ask(server).ask(Question("p.example", RecordType.A)) == UNANSWERED


async def test_server_that_stops_within_its_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that sends a byte now and then."""
    monkeypatch.setattr(module, "TRY", 0.1)
    monkeypatch.setattr(module, "LIFETIME", 0.3)
    zone = "\n".join(f"p.example 60 A 10.1.0.{n}" for n in range(100))
    async with name_server(zone) as server:
        server.stream_bytes = 5
        assert await _ask(server).ask(Question("p.example", RecordType.A)) == UNANSWERED
