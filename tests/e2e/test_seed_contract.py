"""The contract of OpenSIPS' presence_dfks, row by row, with policies in the place of routes.

Each test has a policy and a server of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.helpers.server import ROOT, Server, serve, write_policy
from tests.helpers.ua import Ua, dnd, forward

pytestmark = pytest.mark.e2e

Office = Callable[[str], tuple[Server, Ua]]
"""Starts a server with these rules; it, and a phone that has not subscribed yet."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One server and one phone for one policy."""
    with ExitStack() as stack:

        def start(rules: str) -> tuple[Server, Ua]:
            server = stack.enter_context(serve(tmp_path, write_policy(tmp_path, rules)))
            return server, stack.enter_context(Ua(server.ports["udp"]))

        yield start


def _set(server: Server, ua: Ua, feature: str, status: int, **more: object) -> dict[str, object]:
    """An operator's set of a phone's feature; the whole reply."""
    params = {"presentity": ua.aor, "feature": feature, "status": status}
    return server.mi("presence_dfks:set_feature", **params, **more)


def test_get_route_is_asked_for_each_feature_and_one_notify_tells_all(office: Office) -> None:
    """`get_route` runs four times for one SUBSCRIBE without a body."""
    _, phone = office("""
        - {id: dnd, when: {op: get, feature: DoNotDisturb}, then: {status: 1}}
        - id: cfa
          when: {op: get, feature: CallForwardingAlways}
          then: {status: 1, values: {forwardTo: a}}
        - id: cfb
          when: {op: get, feature: CallForwardingBusy}
          then: {status: 0, values: {forwardTo: b}}
        - id: cfna
          when: {op: get, feature: CallForwardingNoAnswer}
          then: {status: 1, values: {forwardTo: c, ringCount: 3}}
    """)
    first = phone.subscribe()
    assert first.told == {
        "DoNotDisturb": "on",
        "CallForwardingAlways": "on a",
        "CallForwardingBusy": "off b",
        "CallForwardingNoAnswer": "on c 3",
    }
    assert phone.subscribe().cseq == first.cseq + 1


def test_set_route_decides_what_is_stored_and_told(office: Office) -> None:
    """What a phone asks for is a wish; `set_route` has the last word."""
    _, phone = office("""
        - id: to-reception
          when: {op: set, feature: CallForwardingAlways}
          then: {values: {forwardTo: reception}}
    """)
    phone.subscribe()
    assert phone.subscribe(forward(True, "2424")).told == {"CallForwardingAlways": "on reception"}
    assert phone.subscribe().told["CallForwardingAlways"] == "on reception"


def test_unassigned_on_get_leaves_the_document_out(office: Office) -> None:
    """`$dfks(assigned) = 0` in `get_route`."""
    _, phone = office("""
        - {id: no-dnd, when: {op: get, feature: DoNotDisturb}, then: {assigned: false}}
    """)
    told = phone.subscribe().told
    expected = {"CallForwardingAlways", "CallForwardingBusy", "CallForwardingNoAnswer"}
    assert told.keys() == expected


def test_unassigned_everywhere_on_get_notifies_without_a_body(office: Office) -> None:
    """Every SUBSCRIBE gets a NOTIFY, also of nothing (RFC 6665 §4.2.1.2)."""
    _, phone = office("- {id: none, when: {op: get}, then: {assigned: false}}")
    assert phone.subscribe().told == {}


def test_unassigned_on_a_phones_set_notifies_without_a_body(office: Office) -> None:
    """`$dfks(assigned) = 0` in `set_route`, for a SUBSCRIBE."""
    _, phone = office("- {id: none, when: {op: set}, then: {assigned: false}}")
    phone.subscribe()
    assert phone.subscribe(dnd(True)).told == {}


def test_unassigned_on_an_operators_set_sends_the_body_all_the_same(office: Office) -> None:
    """`$dfks(assigned) = 0` in `set_route`, for MI."""
    server, phone = office("- {id: none, when: {op: set}, then: {assigned: false}}")
    phone.subscribe()
    assert _set(server, phone, "DoNotDisturb", 1)["result"] == "OK"
    assert phone.notify().told == {"DoNotDisturb": "on"}


def test_no_notify_on_a_phones_set_sends_none(office: Office) -> None:
    """`$dfks(notify) = 0` in `set_route`: stored, and nobody is told."""
    _, phone = office("- {id: quiet, when: {op: set}, then: {notify: false}}")
    before = phone.subscribe()
    assert phone.exchange(body=dnd(True)).status == 200
    after = phone.subscribe()
    assert (after.cseq, after.told["DoNotDisturb"]) == (before.cseq + 1, "on")


def test_no_notify_on_an_operators_set_sends_none(office: Office) -> None:
    """The same for MI."""
    server, phone = office("- {id: quiet, when: {op: set}, then: {notify: false}}")
    before = phone.subscribe()
    assert _set(server, phone, "DoNotDisturb", 1)["result"] == "OK"
    after = phone.subscribe()
    assert (after.cseq, after.told["DoNotDisturb"]) == (before.cseq + 1, "on")


def test_no_notify_on_get_leaves_that_document_out(office: Office) -> None:
    """`$dfks(notify) = 0` in `get_route` for one feature; the last one is no special case."""
    _, phone = office("""
        - {id: quiet, when: {op: get, feature: CallForwardingNoAnswer}, then: {notify: false}}
    """)
    expected = {"DoNotDisturb", "CallForwardingAlways", "CallForwardingBusy"}
    assert phone.subscribe().told.keys() == expected


def test_no_notify_on_every_get_sends_none(office: Office) -> None:
    """`$dfks(notify) = 0` in `get_route` for all of them."""
    server, phone = office("- {id: quiet, when: {op: get}, then: {notify: false}}")
    phone.accepted(phone.exchange())
    assert phone.unread() == []
    _set(server, phone, "DoNotDisturb", 1)
    assert phone.notify().told == {"DoNotDisturb": "on"}


def test_param_is_there_for_operators_only(office: Office) -> None:
    """`$dfks(param)` is what MI gave as `route_param`, and nothing for a SUBSCRIBE."""
    server, phone = office("""
        - id: with
          when: {op: set, param: lunch}
          then: {values: {forwardTo: canteen}}
        - id: without
          when: {op: set, param: {exists: false}}
          then: {values: {forwardTo: desk}}
    """)
    phone.subscribe()
    _set(server, phone, "CallForwardingBusy", 1, route_param="lunch")
    assert phone.notify().told == {"CallForwardingBusy": "on canteen"}
    assert phone.subscribe(forward(True, "x", "forwardBusy")).told == {
        "CallForwardingBusy": "on desk"
    }


def test_a_denied_set_is_answered_200_and_the_true_state_told(office: Office) -> None:
    """The key that was pressed goes back: phones show what the NOTIFY says."""
    _, phone = office("- {id: barred, when: {op: set}, then: {deny: barred}}")
    phone.subscribe()
    assert phone.subscribe(dnd(True)).told == {"DoNotDisturb": "off"}
    assert phone.subscribe().told["DoNotDisturb"] == "off"


def test_a_rejected_set_is_answered_403_and_the_true_state_told(office: Office) -> None:
    """A phone that ignores the 403 still gets its key right."""
    _, phone = office("""
        - id: barred
          when: {op: set}
          then: {deny: {reason: barred, text: "Barred by the office", answer: reject-403}}
    """)
    phone.subscribe()
    assert phone.exchange(body=dnd(True)).start == "SIP/2.0 403 Barred by the office"
    assert phone.notify().told == {"DoNotDisturb": "off"}
    assert phone.subscribe().told["DoNotDisturb"] == "off"


def test_a_denied_set_is_an_error_for_an_operator(office: Office) -> None:
    """`OK` for what was refused would be a lie."""
    server, phone = office("- {id: barred, when: {op: set}, then: {deny: barred}}")
    before = phone.subscribe()
    assert "error" in _set(server, phone, "DoNotDisturb", 1)
    assert phone.subscribe().cseq == before.cseq + 1


def test_the_example_of_the_module_behaves_as_its_readme_says(tmp_path: Path) -> None:
    """policies/examples/presence-dfks is what people coming from OpenSIPS try first."""
    config = {"policies": [str(ROOT / "policies/examples/presence-dfks")]}
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone:
        states = {
            "DoNotDisturb": "off",
            "CallForwardingBusy": "off",
            "CallForwardingNoAnswer": "on sip:bob@10.0.0.11 3",
        }
        assert phone.subscribe().told == states
        assert phone.subscribe(dnd(True)).told == {"DoNotDisturb": "on"}
        assert phone.subscribe(forward(True, "2424")).told == {"CallForwardingAlways": "off 2424"}
        assert phone.subscribe().told == states | {"DoNotDisturb": "on"}
