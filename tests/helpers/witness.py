"""A phone that lives through whatever happens to its server, and writes the history.

It does what RFC 3261 and RFC 6665 ask of it: repeats over UDP what is not answered (§17.1.2), over
TCP asks again by the next connection (RFC 3263 §4.3), refuses a NOTIFY with a lower CSeq than
before (§12.2.2), and subscribes anew when its subscription has ended.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count

from tests.helpers.history import (
    Answered,
    Asked,
    Ended,
    Event,
    Gone,
    Granted,
    States,
    Told,
)
from tests.helpers.lines import Line, Place, line_to
from tests.helpers.ua import BODY_TYPE, Message, forward

T1, T2 = 0.5, 4.0
TIMER_F = TIMER_N = 64 * T1
_TARGETS = count(1)
_BRANCHES = count(1)
_KIND_OF = {
    "CallForwardingAlways": "forwardImmediate",
    "CallForwardingBusy": "forwardBusy",
}


class Witness:
    """One phone with one subscription to its own user's features."""

    def __init__(
        self,
        aor: str,
        servers: Sequence[tuple[str, int]],
        transport: str,
        history: list[Event],
        dice: random.Random,
        place: Place = Place(),  # noqa: B008 - it is frozen
    ) -> None:
        """Make it.

        Args:
            aor: its user.
            servers: addresses and ports; it asks one for a while, and then another.
            transport: `udp` or `tcp`.
            history: what it saw is added here.
            dice: decides what it does next.
            place: where it is.
        """
        self.aor = aor
        self._history = history
        self.dice = dice
        self._line: Line = line_to(servers, transport, self._received, dice, place)
        self._tag = self._target = ""
        """Tag and Contact of the server; empty without a subscription."""
        self._call_id, self._own_tag = "", ""
        self._cseq = self._highest = 0
        self._granted_until = 0.0
        self._answers: dict[str, bytes] = {}
        """Via of a NOTIFY → its answer, which is repeated."""
        self._waiting: dict[tuple[str, int], asyncio.Future[Message]] = {}
        self._told = asyncio.Event()
        self._ended = asyncio.Event()
        self.is_calm = False
        """Whether it only does what it must."""
        self.statuses: Counter[int] = Counter()
        """Final status → how often."""
        self.refusals: list[str] = []
        """NOTIFYs of dialogs that it does not have, and what it was refused; for people."""
        self.losses: list[str] = []
        """Why subscriptions ended that it had not ended itself."""
        self.dialogs = self.unheard = 0
        """How often it subscribed anew, and how often no NOTIFY came after that."""

    async def live(self, expires: int = 120, every: float = 1.75) -> None:
        """Be a phone until it is cancelled.

        Args:
            expires: seconds for which it subscribes.
            every: seconds between two things that it does, on average; `inf` where it listens only.
        """
        try:
            while True:
                await self._line.open()
                if not self._tag:
                    await self._subscribe(expires)
                elif self._line.is_new:
                    await self._request(b"", expires)
                elif not self.is_calm and every < 1e9:
                    await self._act(expires)
                self._line.is_new = False
                await self._rest(every)
        finally:
            self._line.close()

    async def is_idle(self) -> None:
        """Wait until nothing that it asked for is under way."""
        while self._waiting:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.1)

    async def _rest(self, every: float) -> None:
        """Wait until it is time, or the subscription or the connection has ended."""
        if self._tag:
            seconds = self.dice.uniform(every / 4, every * 7 / 4) if every < 1e9 else 3600.0
            seconds = 0.5 if self.is_calm else seconds
        else:
            seconds = self.dice.uniform(0.1, 0.5)
        waits = [asyncio.ensure_future(one.wait()) for one in (self._ended, self._line.lost)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()

    # --- What it asks ---

    async def _act(self, expires: int) -> None:
        """Press a key, refresh, or subscribe anew."""
        turn = self.dice.random()
        if turn < 0.4:
            await self._press(expires)
        elif turn < 0.97:
            await self._request(b"", expires)
        else:
            self._over("unsubscribed")
            self._granted_until = 0.0
            await self._request(b"", 0)
            self._tag = ""

    async def _press(self, expires: int) -> None:
        """Forward all calls, or also those to a busy phone, to a number that nobody uses again."""
        target = f"sip:n{next(_TARGETS)}@nemesis.test"
        features = list(_KIND_OF)[: self.dice.choice([1, 1, 1, 2])]
        documents = [forward(True, target, _KIND_OF[feature]) for feature in features]
        states = dict.fromkeys(features, f"on {target}")
        if len(documents) == 1:
            await self._request(documents[0], expires, states)
        else:
            parts = [
                b"--b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (BODY_TYPE.encode(), one)
                for one in documents
            ]
            body = b"".join([*parts, b"--b--\r\n"])
            await self._request(body, expires, states, "multipart/mixed;boundary=b")

    async def _subscribe(self, expires: int) -> None:
        """Begin a new dialog, and have its first NOTIFY."""
        number = next(_BRANCHES)
        self._call_id, self._own_tag = f"w{number}-{time.time_ns()}", f"p{number}"
        self._cseq, self._highest, self._target = (
            self.dice.randrange(1, 1000),
            0,
            self.aor,
        )
        self._ended.clear()
        self._told.clear()
        await self._request(b"", expires)
        if self._tag:
            self.dialogs += 1
            waits = [asyncio.ensure_future(one.wait()) for one in (self._told, self._line.lost)]
            done, _ = await asyncio.wait(
                waits, timeout=TIMER_N, return_when=asyncio.FIRST_COMPLETED
            )
            for one in waits:
                one.cancel()
            if not done:
                self._hears_nothing()

    def _hears_nothing(self) -> None:
        """Timer N is over. To an address that has not accepted a NOTIFY yet one is sent only twice,
        and both may be lost (decision 0015); over TCP none is.
        """
        if self._line.transport == "tcp":
            self._lose("no NOTIFY within timer N")
            return
        self.unheard += 1
        self._over("no NOTIFY within timer N")
        self._tag = ""

    async def _request(
        self,
        body: bytes,
        expires: int,
        states: States | None = None,
        kind: str = BODY_TYPE,
    ) -> None:
        """Send a SUBSCRIBE until it is answered, and take what the answer says."""
        self._cseq += 1
        request = f"{self._call_id} {self._cseq}"
        began, known_as = time.time(), self._dialog
        if states:
            self._history.append(Asked(began, request, self.aor, states))
        response = await self._final(body, expires, kind)
        if response is None:
            if expires:
                host, port = self._line.asks
                self._lose(f"no answer within timer F from {host}:{port}")
            return
        status, now = response.status, time.time()
        self.statuses[status] += 1
        if states:
            self._history.append(Answered(now, request, status))
        if status == 200:
            self._granted(response, began, int(response.headers["expires"]))
        elif status == 481 and self._tag:
            self._history.append(Gone(now, known_as, began))
            if (
                expires
            ):  # The repeat of an unsubscription may come to a server that has forgotten it.
                self._lose("481")
        else:
            self.refusals.append(f"{now} {request} {status} from {self._line.source}")
            self._line.turn()
            await asyncio.sleep(min(2.0, float(response.headers.get("retry-after", "0.5"))))

    async def _final(self, body: bytes, expires: int, kind: str) -> Message | None:
        """The final response; None where none came in time."""
        key = self._call_id, self._cseq
        answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        lost = asyncio.ensure_future(self._line.lost.wait())
        ends, wait, message = time.monotonic() + TIMER_F, T1, b""
        try:
            while not answer.done() and time.monotonic() < ends:
                if self._line.lost.is_set():
                    await self._line.open()
                    lost.cancel()
                    lost = asyncio.ensure_future(self._line.lost.wait())
                    message = b""
                message = message or self._message(body, expires, kind)
                self._line.send(message)
                seconds = wait if self._line.transport == "udp" else ends - time.monotonic()
                await asyncio.wait(
                    {answer, lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
                )
                wait = min(2 * wait, T2)
                if not answer.done():
                    self._line.turn()
            return answer.result() if answer.done() else None
        finally:
            lost.cancel()
            del self._waiting[key]

    def _message(self, body: bytes, expires: int, kind: str) -> bytes:
        line = self._line
        lines = [
            f"SUBSCRIBE {self._target} SIP/2.0",
            f"Via: SIP/2.0/{line.transport.upper()} {line.host};rport;branch=z9hG4bK"
            f"{next(_BRANCHES)}x{time.monotonic_ns()}",
            "Max-Forwards: 70",
            f"From: <{self.aor}>;tag={self._own_tag}",
            f"To: <{self.aor}>" + (f";tag={self._tag}" if self._tag else ""),
            f"Call-ID: {self._call_id}",
            f"CSeq: {self._cseq} SUBSCRIBE",
            f"Contact: <sip:phone@{line.host};transport={line.transport}>",
            "Event: as-feature-event",
            f"Expires: {expires}",
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    # --- What it hears ---

    def _received(self, message: Message) -> None:
        """A response or a NOTIFY."""
        if message.status >= 200:
            answer = self._waiting.get((message.headers["call-id"], message.cseq))
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif not message.status:
            via = message.headers["via"]
            if via not in self._answers:
                self._answers[via] = _answer(message, *self._notified(message))
            else:
                self._saw(message, taken=False)
            self._line.reply(self._answers[via])

    def _notified(self, notify: Message) -> tuple[int, str]:
        """The status of the answer to a NOTIFY that is new."""
        tag = _tag_of(notify.headers["from"])
        if notify.headers["call-id"] != self._call_id or (self._tag and tag != self._tag):
            dialog = _name(notify.headers["call-id"], tag)
            self.refusals.append(
                f"{time.time()} {self._line.host}: {dialog} CSeq {notify.cseq} {notify.start}"
                f" to {self.aor} {self._dialog}"
            )
            return 481, "Subscription Does Not Exist"
        taken = notify.cseq > self._highest
        self._saw(notify, taken=taken)
        if not taken:
            return 500, "CSeq Out Of Order"
        self._highest = notify.cseq
        self._told.set()
        if notify.state.startswith("terminated"):
            self._terminated(notify)
        return 200, "OK"

    def _saw(self, notify: Message, *, taken: bool) -> None:
        told = {feature: _state(text) for feature, text in notify.told.items()}
        dialog = _name(notify.headers["call-id"], _tag_of(notify.headers["from"]))
        content = f"{notify.state} {notify.body.decode()}"
        source = "{}:{}".format(*self._line.source)
        event = Told(time.time(), dialog, self.aor, notify.cseq, told, content, taken, source)
        self._history.append(event)

    def _terminated(self, notify: Message) -> None:
        if not self._tag or time.time() > self._granted_until - 1:
            why = notify.state
            self._over(why)
            self._tag = ""
            self._ended.set()
        else:
            self._lose(notify.state)

    def _granted(self, response: Message, began: float, seconds: int) -> None:
        self._tag = _tag_of(response.headers["to"])
        self._target = response.headers["contact"].strip("<>")
        if seconds:
            self._granted_until = began + seconds
            event = Granted(time.time(), self._dialog, self.aor, self._granted_until)
            self._history.append(event)

    def _over(self, why: str) -> None:
        self._history.append(Ended(time.time(), self._dialog, why))

    def _lose(self, why: str) -> None:
        """The subscription has ended, and it should not have."""
        self.losses.append(why)
        if self._tag:
            self._over(why)
        self._tag = ""
        self._ended.set()

    @property
    def _dialog(self) -> str:
        return _name(self._call_id, self._tag)


def _name(call_id: str, tag: str) -> str:
    """A dialog; the phone's own tag is another one with each Call-ID."""
    return f"{call_id} {tag}"


def _tag_of(header: str) -> str:
    return header.partition(";tag=")[2].partition(";")[0]


def _state(told: str) -> str:
    """What the history says of a feature: the values of one that is off tell nobody anything."""
    return "off" if told.startswith("off") else told


def _answer(request: Message, status: int, reason: str) -> bytes:
    names = ("via", "from", "to", "call-id", "cseq")
    lines = [line for line in request.lines if line.partition(":")[0].lower() in names]
    return "\r\n".join([f"SIP/2.0 {status} {reason}", *lines, "Content-Length: 0", "", ""]).encode()
