"""A phone that does what RFC 3261 and RFC 6665 ask of it on a network that loses datagrams."""

import asyncio
import re
from typing import Any

T1, T2 = 0.5, 4.0
TIMER_F = TIMER_N = 64 * T1
_STATUS = re.compile(rb"SIP/2\.0 (\d+)")
_CSEQ = re.compile(rb"\r\nCSeq: (\d+) ")
_BRANCH = re.compile(rb"\r\nVia: [^\r]*;branch=([^\r;]+)")
_TAG = re.compile(rb"\r\nTo: [^\r]*;tag=([^\r;]+)")
_RETRY = re.compile(rb"\r\nRetry-After: (\d+)")
_CONTACT = re.compile(rb"\r\nContact: <([^>\r]+)>")
_ECHOED = re.compile(rb"\r\n((?:Via|From|To|Call-ID|CSeq): [^\r]*)")
_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r]*)")
_DND = re.compile(rb"<doNotDisturbOn>(\w+)<")
_SET = (
    b'<SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">'
    b"<device/><doNotDisturbOn>%b</doNotDisturbOn></SetDoNotDisturb>"
)


class PatientPhone(asyncio.DatagramProtocol):
    """Subscribes, refreshes, presses its key, repeats what is not answered, and begins anew."""

    def __init__(self, user: str, seen: tuple[str, int], expires: int = 60) -> None:
        """Make it.

        Args:
            user: whose features it shows; it is `user@lossy.test`.
            seen: the address that the server sees.
            expires: seconds that it asks for.
        """
        self._user = user.encode()
        self._seen = b"%b:%d" % (seen[0].encode(), seen[1])
        self._expires = expires
        self._dialogs = self._branches = self._cseq = 0
        self._call_id = self._tag = self._target = b""
        self._highest = 0
        """CSeq of the newest NOTIFY of the dialog."""
        self._answers: dict[bytes, bytes] = {}
        """Branch of a NOTIFY → its answer, which is repeated."""
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._told = asyncio.Event()
        self._busy = asyncio.Lock()
        """One SUBSCRIBE at a time."""
        self._transport: asyncio.DatagramTransport | None = None
        self.shows: bool | None = None
        """What its key says."""
        self.statuses: dict[int, int] = {}
        """Final status → how often; 0 for none in time."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """It may talk."""
        self._transport = transport

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        """A response or a NOTIFY."""
        branch = _BRANCH.search(data)
        assert branch is not None
        status = _STATUS.match(data)
        if status is None:
            self._notified(data, branch[1])
        elif int(status[1]) >= 200:
            waiting = self._waiting.pop(branch[1], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(data)

    def _notified(self, data: bytes, branch: bytes) -> None:
        if branch not in self._answers:
            call_id, cseq = _CALL_ID.search(data), _CSEQ.search(data)
            assert call_id is not None
            assert cseq is not None
            self._answers[branch] = self._taken(call_id[1], int(cseq[1]), data)
        self._send(self._answers[branch])

    def _taken(self, call_id: bytes, cseq: int, data: bytes) -> bytes:
        """The answer to a NOTIFY that is new (RFC 6665 §4.1.3, RFC 3261 §12.2.2)."""
        start = b"SIP/2.0 200 OK"
        if call_id != self._call_id:
            start = b"SIP/2.0 481 Subscription Does Not Exist"
        elif cseq <= self._highest:
            start = b"SIP/2.0 500 CSeq out of order"
        else:
            self._highest = cseq
            shown = _DND.search(data)
            if shown is not None:
                self.shows = shown[1] == b"true"
            if b"\r\nSubscription-State: terminated" in data:
                self._tag = b""
            self._told.set()
        lines = b"".join(b"%b\r\n" % line for line in _ECHOED.findall(data))
        return start + b"\r\n" + lines + b"Content-Length: 0\r\n\r\n"

    def _send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data)

    # --- What it asks ---

    async def live(self) -> None:
        """Be subscribed until it is cancelled."""
        while True:
            try:
                async with self._busy:
                    await self._subscribe()
            except (ConnectionError, TimeoutError):
                self._tag = b""
                await asyncio.sleep(T1)
                continue
            await asyncio.sleep(self._expires / 2)

    async def press(self, *, on: bool) -> None:
        """Press the key; nothing happens while it has no subscription."""
        async with self._busy:
            if self._tag:
                try:
                    await self._exchange(_SET % (b"true" if on else b"false"))
                except (ConnectionError, TimeoutError):
                    self._tag = b""

    async def _subscribe(self) -> None:
        """Subscribe or refresh, and have the NOTIFY that belongs to it.

        Raises:
            ConnectionError: it was refused.
            TimeoutError: it was not answered, or not followed by a NOTIFY (timer N).
        """
        if not self._tag:
            self._dialogs += 1
            self._call_id = b"%d@%b" % (self._dialogs, self._seen)
            self._cseq = self._highest = 0
            self._target = b"sip:%b@lossy.test" % self._user
        self._told.clear()
        response = await self._exchange(b"")
        tag, contact = _TAG.search(response), _CONTACT.search(response)
        assert tag is not None
        assert contact is not None
        self._tag, self._target = tag[1], contact[1]
        async with asyncio.timeout(TIMER_N):
            await self._told.wait()

    async def _exchange(self, body: bytes) -> bytes:
        """Send a SUBSCRIBE until it is answered (RFC 3261 §17.1.2); its 200."""
        self._branches += 1
        branch = b"z9hG4bK%d" % self._branches
        self._cseq += 1
        message = self._message(branch, body)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[branch] = answer
        wait = T1
        try:
            async with asyncio.timeout(TIMER_F):
                while not answer.done():
                    self._send(message)
                    await asyncio.wait([answer], timeout=wait)
                    wait = min(2 * wait, T2)
        except TimeoutError:
            self.statuses[0] = self.statuses.get(0, 0) + 1
            raise
        response = answer.result()
        found = _STATUS.match(response)
        assert found is not None
        status = int(found[1])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            return response
        retry = _RETRY.search(response)
        await asyncio.sleep(float(retry[1]) if retry else 0)
        raise ConnectionError(status)

    def _message(self, branch: bytes, body: bytes) -> bytes:
        tag = b";tag=" + self._tag if self._tag else b""
        content = b"Content-Type: application/x-as-feature-event+xml\r\n" if body else b""
        return (
            b"SUBSCRIBE %b SIP/2.0\r\nVia: SIP/2.0/UDP %b;rport;branch=%b\r\nMax-Forwards: 70\r\n"
            b"From: <sip:%b@lossy.test>;tag=p%d\r\nTo: <sip:%b@lossy.test>%b\r\nCall-ID: %b\r\n"
            b"CSeq: %d SUBSCRIBE\r\nContact: <sip:%b@%b>\r\nEvent: as-feature-event\r\n"
            b"Expires: %d\r\n%bContent-Length: %d\r\n\r\n%b"
        ) % (
            self._target, self._seen, branch, self._user, self._dialogs, self._user, tag,
            self._call_id, self._cseq, self._user, self._seen, self._expires, content, len(body),
            body,
        )  # fmt: skip
