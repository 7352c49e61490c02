"""A phone and a running server, message by message."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN, Message, Ua, dnd, forward, parse

pytestmark = pytest.mark.e2e

ALL_OFF = {
    "DoNotDisturb": "off",
    "CallForwardingAlways": "off",
    "CallForwardingBusy": "off",
    "CallForwardingNoAnswer": "off",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all: each test has presentities of its own."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(params=["udp", "tcp"])
def phone(server: Server, request: pytest.FixtureRequest) -> Iterator[Ua]:
    """A phone that has not subscribed yet, over each transport."""
    with Ua(server.ports[request.param], transport=request.param) as ua:
        yield ua


@pytest.fixture
def desk(server: Server) -> Iterator[Ua]:
    """A phone over UDP that has not subscribed yet."""
    with Ua(server.ports["udp"]) as ua:
        yield ua


def test_a_new_phone_is_told_all_features_at_once(phone: Ua) -> None:
    """A phone without the state of a key shows a wrong lamp."""
    notify = phone.subscribe()
    assert notify.headers["content-type"].startswith("multipart/mixed;boundary=")
    assert notify.told == ALL_OFF
    assert notify.state == "active;expires=3600"
    assert notify.headers["event"] == "as-feature-event"
    assert notify.start == f"NOTIFY {phone.contact} SIP/2.0"


def test_a_refresh_tells_all_features_again(phone: Ua) -> None:
    """A refresh is how a phone gets back into step."""
    first = phone.subscribe()
    phone.subscribe(dnd(True))
    again = phone.subscribe()
    assert again.told == ALL_OFF | {"DoNotDisturb": "on"}
    assert again.cseq == first.cseq + 2


def test_unsubscribing_ends_with_a_terminated_notify(phone: Ua) -> None:
    """Without it the phone waits for a NOTIFY that never comes (RFC 6665 §4.1.2.3)."""
    phone.subscribe()
    assert phone.subscribe(expires=0).state == "terminated;reason=timeout"
    assert phone.exchange().status == 481


def test_a_fetch_tells_everything_once_and_keeps_nothing(phone: Ua) -> None:
    """`Expires: 0` without a dialog asks for one NOTIFY (RFC 6665 §4.4.3)."""
    notify = phone.subscribe(expires=0)
    assert (notify.state, notify.told) == ("terminated;reason=timeout", ALL_OFF)
    assert phone.exchange().status == 481


def test_a_set_is_confirmed_with_the_feature_that_was_set(phone: Ua) -> None:
    """Phones show what the NOTIFY says, not what was pressed."""
    phone.subscribe()
    notify = phone.subscribe(forward(True, "2424", "forwardNoAns"))
    assert notify.told == {"CallForwardingNoAnswer": "on 2424"}


def test_other_phones_of_the_user_learn_a_set(server: Server, phone: Ua) -> None:
    """Devices of one user must not diverge."""
    phone.subscribe()
    with Ua(server.ports["udp"], phone.aor) as other:
        other.subscribe()
        phone.subscribe(dnd(True))
        assert other.notify().told == {"DoNotDisturb": "on"}


def test_a_set_that_changes_nothing_is_told_to_its_phone_only(server: Server, desk: Ua) -> None:
    """Telling everybody everything makes devices switch each other on and off forever."""
    desk.subscribe()
    with Ua(server.ports["udp"], desk.aor) as other:
        before = other.subscribe()
        assert desk.subscribe(dnd(False)).told == {"DoNotDisturb": "off"}
        assert other.subscribe().cseq == before.cseq + 1


def test_a_set_in_the_first_subscribe_is_applied_and_everything_told(desk: Ua) -> None:
    """A phone that lost its dialog needs its other features, too."""
    assert desk.subscribe(dnd(True)).told == ALL_OFF | {"DoNotDisturb": "on"}


def test_phones_that_set_in_their_first_subscribe_at_once_agree(tmp_path: Path) -> None:
    """Neither is in a dialog yet when the other one's set is told to the watchers."""
    config = {"store": f"sqlite:{tmp_path / 'dfks.db'}"}
    with (
        serve(tmp_path, config) as server,
        Ua(server.ports["udp"]) as one,
        Ua(server.ports["udp"], one.aor) as two,
    ):
        one.request(body=forward(True, "1"))
        two.request(body=forward(True, "2"))
        for phone in (one, two):
            phone.accepted(phone.response())
        shown = [_last_shown(phone, "CallForwardingAlways") for phone in (one, two)]
        stored = one.subscribe().told["CallForwardingAlways"]
        assert shown == [stored, stored]


def _last_shown(phone: Ua, feature: str) -> str:
    """The state of a key once everything was heard that the server had to say."""
    shown = [phone.notify()]
    shown += [message for message in phone.unread() if message.cseq > shown[0].cseq]
    return shown[-1].told[feature]


def test_an_unknown_dialog_is_answered_481(phone: Ua) -> None:
    """The phone then subscribes anew."""
    phone.to_tag = "nobody"
    assert phone.exchange().status == 481


def test_a_short_subscription_is_answered_423(desk: Ua) -> None:
    """The phone learns what it may ask for."""
    refused = desk.exchange(Expires=59)
    assert (refused.status, refused.headers["min-expires"]) == (423, "60")


@pytest.mark.parametrize("event", ["presence", "as-feature-event.winfo", None])
def test_another_event_is_answered_489(desk: Ua, event: str | None) -> None:
    """The phone learns which event there is."""
    refused = desk.exchange(Event=event)
    assert (refused.status, refused.headers["allow-events"]) == (489, "as-feature-event")


BAD_BODIES = {
    "not-xml": b"DND=on",
    "cut-short": dnd(True)[:-5],
    "doctype": b"<!DOCTYPE a>" + dnd(True),
    "unknown-root": dnd(True).replace(b"SetDoNotDisturb", b"SetLunch"),
    "no-status": dnd(True).replace(b"doNotDisturbOn", b"other"),
    "no-boolean": dnd(True).replace(b"true", b"maybe"),
    "unknown-type": forward(True, "1", "forwardLater"),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_answered_400_and_changes_nothing(desk: Ua, body: bytes) -> None:
    """Silence leaves the phone with a wrong lamp; the subscription lives on."""
    before = desk.subscribe()
    refused = desk.exchange(body=body)
    assert refused.status == 400
    assert refused.start != "SIP/2.0 400 Bad Request", "the reason says what is wrong"
    after = desk.subscribe()
    assert (after.told, after.cseq) == (ALL_OFF, before.cseq + 1)


def test_a_body_of_another_type_is_answered_415(desk: Ua) -> None:
    """The phone learns what is understood."""
    refused = desk.exchange(body=dnd(True), Content_Type="application/sdp")
    assert refused.status == 415
    assert "application/x-as-feature-event+xml" in refused.headers["accept"]


def test_a_required_extension_is_answered_420(desk: Ua) -> None:
    """RFC 3261 §8.2.2.3."""
    refused = desk.exchange(Require="100rel, wings")
    assert (refused.status, refused.headers["unsupported"]) == (420, "100rel, wings")


def test_a_request_without_hops_left_has_arrived(desk: Ua) -> None:
    """A loop between proxies ends here."""
    assert desk.exchange(Max_Forwards=0).status == 200


@pytest.mark.parametrize(("method", "status"), [("INVITE", 405), ("MESSAGE", 405), ("DANCE", 501)])
def test_another_method_is_answered_with_what_is_allowed(
    desk: Ua, method: str, status: int
) -> None:
    """RFC 3261 §8.2.1."""
    refused = desk.exchange(method)
    assert (refused.status, refused.headers["allow"]) == (
        status,
        "SUBSCRIBE, PUBLISH, OPTIONS, CANCEL",
    )


def test_another_version_is_answered_505(desk: Ua) -> None:
    """RFC 3261 §21.5.6."""
    assert desk.exchange(version="SIP/3.0").status == 505


def test_a_stale_cseq_is_answered_500(desk: Ua) -> None:
    """An old SUBSCRIBE that comes late must not undo a newer one (RFC 3261 §12.2.2)."""
    desk.subscribe(dnd(True))
    desk.subscribe(dnd(False))
    desk.cseq -= 2
    assert desk.exchange(body=dnd(True)).status == 500
    desk.cseq += 1
    assert desk.subscribe().told == ALL_OFF


def test_a_repeated_subscribe_is_answered_the_same_and_served_once(desk: Ua) -> None:
    """UDP phones repeat what was answered too late; a second NOTIFY would be a second set."""
    desk.request()
    response = desk.response()
    desk.accepted(response)
    first = desk.notify()
    desk.send(desk.sent)
    assert desk.response().raw == response.raw
    assert desk.unread() == []
    assert desk.subscribe().cseq == first.cseq + 1


def test_a_third_party_may_not_watch_nor_set(server: Server, desk: Ua) -> None:
    """Else anybody forwards anybody's calls."""
    victim = desk.subscribe()
    with Ua(server.ports["udp"], "sip:mallory@example.com") as mallory:
        mallory.target = desk.aor
        assert mallory.exchange(To=f"<{desk.aor}>").status == 403
        assert mallory.exchange(body=forward(True, "666"), To=f"<{desk.aor}>").status == 403
    after = desk.subscribe()
    assert (after.told, after.cseq) == (ALL_OFF, victim.cseq + 1)


def test_a_notify_that_nobody_answers_is_repeated(desk: Ua) -> None:
    """UDP loses messages; a lost NOTIFY must not leave a wrong lamp."""
    desk.request()
    desk.response()
    first = desk.notify(None)
    assert desk.notify().raw == first.raw


def test_a_notify_answered_481_ends_the_subscription(phone: Ua) -> None:
    """The phone does not know the dialog any more (RFC 6665 §4.2.2)."""
    phone.accepted(phone.exchange())
    phone.notify(481)
    assert phone.exchange().status == 481


def test_a_change_waits_for_the_outstanding_notify(server: Server, desk: Ua) -> None:
    """NOTIFYs must not overtake each other; several changes become one."""
    desk.accepted(desk.exchange())
    first = desk.notify(None)
    for status in (1, 0, 1):
        params = {"presentity": desk.aor, "feature": "DoNotDisturb", "status": status}
        assert server.mi("presence_dfks:set_feature", **params)["result"] == "OK"
    desk.answer(first)
    second = _after(desk, first)
    assert (second.told, second.cseq) == ({"DoNotDisturb": "on"}, first.cseq + 1)
    desk.answer(second)
    assert desk.subscribe().cseq == second.cseq + 1


def _after(ua: Ua, notify: Message) -> Message:
    """The first NOTIFY that is no repeat of `notify`."""
    deadline = time.monotonic() + WITHIN
    while (message := parse(ua.read(deadline))).raw == notify.raw:
        pass
    return message


def test_an_operator_is_heard_by_every_phone(server: Server, phone: Ua) -> None:
    """A change from elsewhere is what the subscription is for."""
    phone.subscribe()
    params = {"presentity": phone.aor, "feature": "CallForwardingBusy", "status": 1}
    server.mi("presence_dfks:set_feature", **params, values=["forwardTo/sip:bob@example.com"])
    assert phone.notify().told == {"CallForwardingBusy": "on sip:bob@example.com"}


def test_stopping_tells_phones_to_subscribe_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`deactivated` sends phones elsewhere at once (RFC 6665 §4.1.3)."""
    with (
        serve(tmp_path_factory.mktemp("stopped")) as stopping,
        Ua(stopping.ports["udp"]) as ua,
    ):
        ua.subscribe()
        assert stopping.stop() == 0
        last = parse(ua.read(time.monotonic() + WITHIN))
        assert last.state == "terminated;reason=deactivated"


def test_the_test_phone_unsubscribes_at_ctrl_c(server: Server) -> None:
    """Else the server would show and notify a phone that is gone, for an hour."""
    aor = "sip:passer-by@127.0.0.1"
    command = [sys.executable, "-m", "dfks_rules", "phone", "--watch", aor]
    command += ["--server", f"127.0.0.1:{server.ports['udp']}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as phone:
        assert phone.stdout is not None
        while not phone.stdout.readline().startswith("watching"):
            assert phone.poll() is None
        assert server.mi("subs_phtable_list", presentity=aor)["result"]["subscriptions"]
        phone.send_signal(signal.SIGINT)
        assert phone.stdout.readline().startswith("NOTIFY terminated")
        assert phone.wait(WITHIN) == 0
    assert server.mi("subs_phtable_list", presentity=aor)["result"]["subscriptions"] == []


@pytest.mark.parametrize(
    ("server", "where"),
    [("127.0.0.1", "127.0.0.1:9"), ("127.0.0.1:7", "127.0.0.1:7"), ("[::1]", "[::1]:9")],
)
def test_the_small_phone_sends_where_it_is_told(server: str, where: str) -> None:
    """Nobody listens there; a port that is left out is that of the presentity."""
    command = [str(Path(sys.executable).with_name("dfks")), "phone", "sip:alice@example.com:9"]
    run = subprocess.run(
        [*command, "--server", server], capture_output=True, text=True, timeout=180, check=False
    )
    assert (run.returncode, run.stderr) == (1, f"phone: no SIP server at {where}\n")
