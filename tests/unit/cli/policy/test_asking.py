"""Facts on the command line and in SIP."""

from pathlib import Path

import click
import pytest

from dfks_rules.cli.policy.asking import fact_line, read_sip, sources_of, stored_of, views_of_sip
from dfks_rules.errors import DfksError, MalformedMessageError
from dfks_rules.model.features import NOTHING_STORED, Feature
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from tests.helpers.policy import CFNA, DND, NOON, ON

SUBSCRIBE = """SUBSCRIBE sip:alice@example.com SIP/2.0
Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1
From: <sip:bob@example.com>;tag=1
To: <sip:alice@example.com>
Call-ID: 1
CSeq: 1 SUBSCRIBE
Contact: <sip:bob@192.0.2.1>
Max-Forwards: 70
Event: as-feature-event
User-Agent: Desk 1
"""
DOCUMENT = """Content-Type: application/x-as-feature-event+xml
Content-Length: 5

<SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">
<device>d1</device><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>
"""


def _told_at(domain: str) -> tuple[Feature, ...]:
    """What phones are told of by policies that need not be loaded for this."""
    return {"example.com": (DND, CFNA)}[domain]


def test_a_subscribe_without_a_body_asks_for_leave_and_for_states(
    tmp_path: Path,
) -> None:
    """As the server asks; a file written by hand has bare line feeds."""
    file = tmp_path / "m.sip"
    file.write_text(SUBSCRIBE)
    views = views_of_sip(read_sip(file), NOTHING_STORED, NOON, _told_at)
    assert [view.request.operation for view in views] == [
        *(Operation.SUBSCRIBE, Operation.GET, Operation.GET)
    ]
    assert [view.request.feature for view in views] == [None, DND, CFNA]
    who = views[0].request.requester
    assert (who.watcher, who.user_agent) == (Aor("bob", "example.com"), "Desk 1")
    assert who.transport == "tcp"


def test_a_body_asks_for_its_sets(tmp_path: Path) -> None:
    """Content-Length of an edited file is not what counts."""
    file = tmp_path / "m.sip"
    file.write_text(SUBSCRIBE + DOCUMENT)
    _, view = views_of_sip(read_sip(file), NOTHING_STORED, NOON, _told_at)
    assert (view.request.feature, view.request.asked) == (DND, ON)
    assert view.request.requester.device == "d1"


@pytest.mark.parametrize("text", ["", "OPTIONS sip:a@b SIP/2.0\n\n", SUBSCRIBE[:40] + "\n"])
def test_what_is_no_subscribe_is_refused(tmp_path: Path, text: str) -> None:
    """With a sentence and no traceback."""
    file = tmp_path / "m.sip"
    file.write_text(text)
    with pytest.raises(MalformedMessageError):
        views_of_sip(read_sip(file), NOTHING_STORED, NOON, _told_at)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SUBSCRIBE.replace("as-feature-event", "presence"), "489"),
        (SUBSCRIBE + "Accept: application/sdp\n", "406 Not Acceptable"),
        (SUBSCRIBE + "Expires: 1\n", "423"),
        (SUBSCRIBE + "Require: 100rel\n", "420"),
        (SUBSCRIBE + "Content-Encoding: gzip\n" + DOCUMENT, "415"),
        (SUBSCRIBE.replace("CSeq: 1 SUBSCRIBE\n", ""), "400 Missing Cseq"),
    ],
)
def test_what_the_server_refuses_before_it_asks_the_policies_is_told(
    tmp_path: Path, text: str, why: str
) -> None:
    """By the code that serves it: a tool that reads it otherwise would mislead."""
    file = tmp_path / "m.sip"
    file.write_text(text)
    with pytest.raises(MalformedMessageError, match=why):
        views_of_sip(read_sip(file), NOTHING_STORED, NOON, _told_at)


def test_a_captured_refresh_is_about_the_presentity_in_to(tmp_path: Path) -> None:
    """Its Request-URI is the Contact of the server."""
    file = tmp_path / "m.sip"
    captured = SUBSCRIBE.replace("sip:alice@example.com SIP", "sip:192.0.2.1:5060 SIP")
    file.write_text(captured.replace("<sip:alice@example.com>", "<sip:alice@example.com>;tag=t"))
    view, *_ = views_of_sip(read_sip(file), NOTHING_STORED, NOON, _told_at)
    assert view.request.presentity == Aor("alice", "example.com")
    assert view.request.requester.source_ip is None


def test_a_captured_message_is_taken_as_it_is(tmp_path: Path) -> None:
    """CRLF on the wire."""
    file = tmp_path / "m.sip"
    file.write_bytes(b"a: b\r\nContent-Length: 3\r\n\r\nx\n\ny")
    assert read_sip(file) == file.read_bytes()


def test_a_message_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(DfksError, match="No such file"):
        read_sip(tmp_path / "none")


def test_stored_states_are_facts(tmp_path: Path) -> None:
    """Of each feature by its name."""
    file = tmp_path / "stored.yaml"
    file.write_text("DoNotDisturb.status: 1\n")
    with file.open("rb") as opened:
        assert stored_of(opened).state(DND) == ON
    assert stored_of(None) == NOTHING_STORED


def test_a_fact_is_a_number_or_text() -> None:
    """YAML must not read a telephone number."""
    assert fact_line("request.status=1") == '"request.status": 1'
    assert fact_line("user=+4930") == '"user": "+4930"'
    assert fact_line("user=201") == '"user": "201"'
    assert fact_line("target.self=true") == '"target.self": true'
    assert fact_line("groups=sales,export") == '"groups": ["sales", "export"]'
    assert fact_line("request.status=on") == '"request.status": "on"'
    with pytest.raises(click.UsageError, match="`user` is not NAME=VALUE"):
        fact_line("user")


def test_no_facts_are_a_usage_error() -> None:
    """Rather than a decision about nobody."""
    with pytest.raises(click.UsageError, match="give the facts"):
        sources_of(None, ())
