"""Several subscriptions, conditions, publications and challenges, from outside."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfks_rules.sip.digest import Algorithm, ha1_of, parse_credentials
from tests.e2e.test_tutorial import follow
from tests.helpers.server import Server, serve
from tests.helpers.ua import Message, Ua, dnd, forward

pytestmark = pytest.mark.e2e
_LACKING = [name for name in ("nc", "curl") if shutil.which(name) is None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One whose policy lets everybody watch everybody."""
    folder = tmp_path_factory.mktemp("exact")
    policy = (
        "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: open}\nrules:\n"
        "  - {id: any, when: {op: subscribe}, then: {allow: true}}\n"
    )
    (folder / "open.yaml").write_text(policy)
    with serve(folder, {"policies": [str(folder / "open.yaml")]}) as running:
        yield running


class _Dialog:
    """One of several dialogs of one phone: its socket, Contact and Call-ID are shared."""

    def __init__(self, ua: Ua, to: str, event: str = "as-feature-event") -> None:
        self._ua, self._to, self._event = ua, to, event
        self._target = to
        self.state = ""
        """To, with the tag of the server."""

    def subscribe(self, body: bytes = b"", **more: object) -> Message:
        """SUBSCRIBE; its response."""
        self._ua.target = self._target
        to = self.state or f"<{self._to}>"
        response = self._ua.exchange("SUBSCRIBE", body, To=to, Event=self._event, **more)
        if response.status < 300 and not self.state:
            self.state = response.headers["to"]
            self._target = response.headers["contact"].strip("<>")
        return response


def test_one_phone_watches_two_presentities_with_one_call_id(server: Server) -> None:
    """RFC 6665 §4.4.1: each SUBSCRIBE without a To tag makes a dialog, told apart by our tag."""
    with Ua(server.ports["udp"], "sip:carol@example.com") as phone:
        alice, bob = (_Dialog(phone, "sip:a1@example.com"), _Dialog(phone, "sip:b1@example.com"))
        for dialog in (alice, bob):
            assert dialog.subscribe().status == 200
            first = phone.notify()
            assert first.headers["from"] == dialog.state
        assert alice.state.partition("tag=")[2] != bob.state.partition("tag=")[2]
        server.mi(
            "dfks_set_feature", presentity="sip:b1@example.com", feature="DoNotDisturb", status=1
        )
        change = phone.notify()
        assert (change.headers["from"], change.told["DoNotDisturb"]) == (bob.state, "on")
        assert alice.subscribe(Expires=0).status == 200
        last = phone.notify()
        assert (last.headers["from"], last.state) == (alice.state, "terminated;reason=timeout")
        assert bob.subscribe(dnd(False)).status == 200
        assert phone.notify().headers["from"] == bob.state
        assert alice.subscribe().status == 481
        assert phone.unread() == []


def test_two_ids_of_one_phone_are_two_subscriptions(server: Server) -> None:
    """RFC 6665 §8.2.1: each NOTIFY has the id of its own; they are refreshed and end apart."""
    aor = "sip:ids@example.com"
    with Ua(server.ports["udp"], aor) as phone:
        one = _Dialog(phone, aor, "as-feature-event;id=1")
        two = _Dialog(phone, aor, "as-feature-event;id=2")
        for dialog, event in ((one, "as-feature-event;id=1"), (two, "as-feature-event;id=2")):
            assert dialog.subscribe().status == 200
            notify = phone.notify()
            assert (notify.headers["event"], notify.headers["from"]) == (event, dialog.state)
        two._event = "as-feature-event;id=1"
        assert two.subscribe().start == "SIP/2.0 403 Dialog sharing is not supported"
        two._event = "as-feature-event;id=2"
        assert one.subscribe(dnd(True)).status == 200
        events = {(m.headers["event"][-1], m.told["DoNotDisturb"]) for m in _two(phone)}
        assert events == {("1", "on"), ("2", "on")}
        assert one.subscribe(Expires=0).status == 200
        assert phone.notify().headers["event"].endswith("id=1")
        assert two.subscribe().status == 200
        assert phone.notify().headers["event"].endswith("id=2")


def _two(phone: Ua) -> list[Message]:
    return [phone.notify(), phone.notify()]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_phone_that_says_what_it_knows_is_spared(server: Server, transport: str) -> None:
    """RFC 5839, from the first NOTIFY to the last 204."""
    with Ua(server.ports[transport], transport=transport) as phone:
        tag = phone.subscribe().headers["sip-etag"]
        answer = phone.exchange(Suppress_If_Match=tag)
        assert (answer.start, answer.headers["expires"]) == ("SIP/2.0 204 No Notification", "3600")
        server.mi("dfks_set_feature", presentity=phone.aor, feature="DoNotDisturb", status=1)
        change = phone.notify()
        assert change.told == {"DoNotDisturb": "on"}
        assert change.headers["sip-etag"] != tag
        assert phone.exchange(Suppress_If_Match=change.headers["sip-etag"]).status == 204
        phone.accepted(phone.exchange(Suppress_If_Match=tag))
        full = phone.notify()
        assert (len(full.told), full.headers["sip-etag"]) == (4, change.headers["sip-etag"])
        answer = phone.exchange(Suppress_If_Match=full.headers["sip-etag"], Expires=0)
        assert answer.status == 204
        assert phone.exchange().status == 481
        assert phone.unread() == []


def test_a_pbx_publishes_and_phones_are_told(server: Server) -> None:
    """RFC 3903, the four operations; the key stays on when the publication ends."""
    aor = "sip:star@example.com"
    with Ua(server.ports["udp"], aor) as phone, Ua(server.ports["udp"], "sip:pbx@x") as pbx:
        phone.subscribe()
        pbx.target = aor
        answer = pbx.exchange("PUBLISH", forward(True, "2424"), Contact=None)
        assert (answer.status, answer.headers["expires"]) == (200, "3600")
        assert phone.notify().told == {"CallForwardingAlways": "on 2424"}
        first = answer.headers["sip-etag"]
        pbx.send(pbx.sent)
        assert pbx.response().headers["sip-etag"] == first
        modified = pbx.exchange("PUBLISH", forward(True, "99"), Contact=None, SIP_If_Match=first)
        assert phone.notify().told == {"CallForwardingAlways": "on 99"}
        assert pbx.exchange("PUBLISH", Contact=None, SIP_If_Match=first).status == 412
        etag = modified.headers["sip-etag"]
        refreshed = pbx.exchange("PUBLISH", Contact=None, SIP_If_Match=etag)
        etag = refreshed.headers["sip-etag"]
        assert pbx.exchange("PUBLISH", Contact=None, SIP_If_Match=etag, Expires=0).status == 200
        assert phone.unread() == []
        assert phone.subscribe().told["CallForwardingAlways"] == "on 99"
        assert "PUBLISH" in pbx.exchange("OPTIONS").headers["allow"]


def test_challenged_notifies_are_sent_again_with_the_password_of_the_file(tmp_path: Path) -> None:
    """`sip.credentials`; a restart of nothing, and no state is lost."""
    (tmp_path / "c.yaml").write_text(
        "credentials:\n  - {realm: phone, user: keys, password: secret}\n"
    )
    ha1 = ha1_of(Algorithm.SHA_256, "keys", "phone", "secret")
    sip = {"listen": ["udp:127.0.0.1:0"], "credentials": "c.yaml"}
    with serve(tmp_path, {"sip": sip}) as server, Ua(server.ports["udp"]) as phone:
        phone.accepted(phone.exchange())
        first = phone.notify(None)
        _challenge(phone, first)
        second = phone.notify()
        (credentials,) = parse_credentials(second.headers["authorization"].encode())
        assert credentials.proves(b"NOTIFY", ha1)
        assert (second.cseq, second.body) == (first.cseq + 1, first.body)
        told = phone.subscribe(dnd(True))
        (credentials,) = parse_credentials(told.headers["authorization"].encode())
        assert (credentials.nc, told.told) == (b"00000002", {"DoNotDisturb": "on"})
        statistics = server.mi("get_statistics", statistics=["presence:"])["result"]
        assert statistics["presence:notify_challenged"] == 1


def _challenge(phone: Ua, notify: Message) -> None:
    """Answer a NOTIFY with 401."""
    names = ("via", "from", "to", "call-id", "cseq")
    lines = [line for line in notify.lines if line.partition(":")[0].lower() in names]
    challenges = [
        f'WWW-Authenticate: Digest realm="phone", nonce="n", algorithm={name}, qop="auth"'
        for name in ("SHA-512-256", "SHA-256", "MD5")
    ]
    text = ["SIP/2.0 401 X", *lines, *challenges, "Content-Length: 0", "", ""]
    phone.send("\r\n".join(text).encode())


@pytest.mark.skipif(bool(_LACKING), reason=f"needs {', '.join(_LACKING)} of Debian")
def test_the_page_for_pbxs_is_true(tmp_path: Path) -> None:
    """Every command, every output."""
    follow("docs/howto/tell-phones-from-the-pbx.md", tmp_path)
