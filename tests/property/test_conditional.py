"""A phone that says what it knows is never left with something else."""

import re
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.playbook import Playbook, Sent, default_policies, message, tag_of

_DOCUMENT = re.compile(rb"<(DoNotDisturbEvent|ForwardingEvent) .*?</\1>", re.DOTALL)
_KIND = re.compile(rb"<forwardingType>(\w+)<")
_DND = b"<SetDoNotDisturb><doNotDisturbOn>%b</doNotDisturbOn></SetDoNotDisturb>"
_FORWARD = (
    b"<SetForwarding><forwardDN>%b</forwardDN><forwardingType>forwardBusy</forwardingType>"
    b"<activateForward>true</activateForward></SetForwarding>"
)
_BODIES = (_DND % b"true", _DND % b"false", _FORWARD % b"1", _FORWARD % b"2")


class _Phone:
    """A phone that follows RFC 5839, behind a network that loses some of its NOTIFYs."""

    def __init__(self, book: Playbook, number: int) -> None:
        self._book, self._number = book, number
        self._cseq = 0
        self._dialog: Sent | None = None
        self.tag = b""
        self.knows: dict[bytes, bytes] = {}
        """What it was told of each feature."""

    def subscribe(self, body: bytes = b"", **changes: bytes) -> list[Sent]:
        """SUBSCRIBE; all that the server sends then."""
        self._cseq += 1
        to = b"<sip:alice@example.com>"
        if self._dialog is not None:
            to = to + b";tag=" + tag_of(self._dialog)
        sent = self._book.receive(
            message(
                body=body,
                **{"from": b"<sip:alice@example.com>;tag=%d" % self._number},
                to=to,
                call_id=b"call-%d" % self._number,
                cseq=b"%d SUBSCRIBE" % self._cseq,
                via=b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK%dx%d" % (self._number, self._cseq),
                **changes,
            )
        )
        if self._dialog is None and sent[0].status == 200:
            self._dialog = sent[0]
        return sent

    def forget_dialog(self) -> None:
        """It restarts, but keeps what it knows."""
        self._dialog, self._number = None, self._number + 1000

    def hear(self, notify: Sent) -> None:
        """Read a NOTIFY."""
        self.tag = notify.headers[b"SIP-ETag"]
        self.knows |= _documents(notify)

    def owns(self, notify: Sent) -> bool:
        """Whether a NOTIFY is for it."""
        return notify.headers[b"Call-ID"] == b"call-%d" % self._number


def _documents(notify: Sent) -> dict[bytes, bytes]:
    found = {}
    for document in _DOCUMENT.finditer(notify.body):
        kind = _KIND.search(document[0])
        found[kind[1] if kind else b"dnd"] = document[0]
    return found


_STEP = st.tuples(
    st.sampled_from(["own", "other", "refresh", "ask", "resume", "wait"]),
    st.sampled_from(_BODIES),
    st.sampled_from(["heard", "lost", "answer lost"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_STEP, min_size=3, max_size=14))
def test_whatever_is_lost_a_phone_that_is_told_nothing_knows_everything(
    steps: list[tuple[str, bytes, str]],
) -> None:
    """After a 204, or a NOTIFY without a body, it knows what a new phone would be told."""
    book = Playbook(default_policies())
    phone, other = _Phone(book, 1), _Phone(book, 2)
    _deliver(book, phone, phone.subscribe(), "heard")
    _deliver(book, phone, other.subscribe(), "heard")
    numbers = count(10_000)
    for what, body, fate in steps:
        if what == "own":
            sent = phone.subscribe(body)
        elif what == "other":
            sent = other.subscribe(body)
        elif what == "ask":
            sent = phone.subscribe()
        elif what == "wait":
            sent = book.pass_time(70.0)
        else:
            if what == "resume":
                phone.forget_dialog()
            sent = phone.subscribe(suppress_if_match=phone.tag)
            mine = [one for one in sent if one.start.startswith(b"NOTIFY") and phone.owns(one)]
            if sent[0].status == 204 or (mine and not mine[-1].body):
                fetched = _Phone(book, next(numbers)).subscribe(expires=b"0")
                assert phone.knows == _documents(fetched[1])
                book.answer(fetched[1])
        _deliver(book, phone, sent, fate)


def _deliver(book: Playbook, phone: _Phone, sent: list[Sent], fate: str) -> None:
    """Carry NOTIFYs to their phones, as far as they go, and those that follow."""
    for one in sent:
        if not one.start.startswith(b"NOTIFY"):
            continue
        if not phone.owns(one):
            _deliver(book, phone, book.answer(one), fate)
            continue
        if fate != "lost":
            phone.hear(one)
        if fate == "heard":
            _deliver(book, phone, book.answer(one), fate)
