"""A small phone: one subscription, repeats and refreshes, sets; it never waits.

It behaves as RFC 3261 and RFC 6665 want it: it repeats a request until it is answered (timers E and
F), refuses a NOTIFY that comes out of order, and begins anew where its subscription is gone.
"""

from collections.abc import Callable

from tests.helpers.history import Answered, Asked, Ended, Gone, Granted, States, Told
from tests.simulation import wire
from tests.simulation.world import Call, World

T1, T2, TIMEOUT = 0.5, 4.0, 32.0
Send = Callable[["Phone", bytes], None]


class _Dialog:
    """One subscription, as the phone sees it."""

    def __init__(self, call_id: bytes, tag: bytes) -> None:
        self.call_id = call_id
        self.phone_tag = tag
        self.server_tag = b""
        """Empty until it is granted."""
        self.cseq = 0
        """Of the last SUBSCRIBE."""
        self.told: dict[bytes, int] = {}
        """Tag of the server → highest CSeq of a NOTIFY."""
        self.answers: dict[tuple[bytes, int], int] = {}
        """What each NOTIFY was answered with."""

    def name(self, server_tag: bytes = b"") -> str:
        """As in the history."""
        tag = server_tag or self.server_tag
        return f"{self.call_id.decode()};{self.phone_tag.decode()};{tag.decode()}"


class _Request:
    """A SUBSCRIBE that waits for its answer."""

    def __init__(self, dialog: _Dialog, branch: bytes, data: bytes, at: float) -> None:
        self.dialog = dialog
        self.branch = branch
        self.data = data
        self.at = at
        self.number = f"{dialog.call_id.decode()} {dialog.cseq}"
        self.expires = 0
        self.has_sets = False
        self.was_new = not dialog.server_tag
        self.is_over = False


class Phone:
    """One phone of one user."""

    def __init__(self, world: World, number: int, user: str, send: Send, expires: int) -> None:
        """It is off; see `begin`.

        Args:
            world: its time and its chance.
            number: another one for each phone.
            user: whose it is, and whose features it watches: `NAME@DOMAIN`.
            send: what its datagrams go through.
            expires: seconds for which it subscribes.
        """
        self._world = world
        self._send = send
        self._expires = expires
        self.number = number
        self.presentity = f"sip:{user}"
        self.source = (f"10.0.{number // 250}.{number % 250 + 1}", 5060)
        self._address = f"{self.source[0]}:{self.source[1]}".encode()
        self._dialogs = 0
        self._dialog: _Dialog | None = None
        self._requests: dict[bytes, _Request] = {}
        self._refresh: Call | None = None
        self._patience = world.random.random() < 0.5
        """Whether it asks again in the same dialog where nobody answers."""

    @property
    def is_busy(self) -> bool:
        """Whether it waits for an answer."""
        return bool(self._requests)

    @property
    def has_dialog(self) -> bool:
        """Whether it counts on a subscription."""
        return self._dialog is not None and self._dialog.server_tag != b""

    # --- What it asks for ---

    def begin(self, sets: States | None = None, *, is_fetch: bool = False) -> None:
        """Subscribe in a new dialog, as after a power failure: whatever was before is forgotten."""
        for request in list(self._requests.values()):
            self._over(request)
        self._give_up("begins anew")
        self._dialogs += 1
        name = f"c{self.number}-{self._dialogs}"
        self._dialog = _Dialog(name.encode(), b"p%d" % self.number)
        self._ask(0 if is_fetch else self._expires, sets)

    def subscribe(self, sets: States | None = None) -> None:
        """Refresh the subscription, perhaps with sets; or make one."""
        if self._dialog is None or (not self._dialog.server_tag and not self._requests):
            self.begin(sets)
        elif self._dialog.server_tag:
            self._ask(self._expires, sets)

    def unsubscribe(self, sets: States | None = None) -> None:
        """End the subscription, if there is one."""
        if self.has_dialog:
            assert self._dialog is not None
            self._ask(0, sets)
            self._give_up("unsubscribed")

    def _give_up(self, why: str) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
        if self._dialog is not None and self._dialog.server_tag:
            self._world.history.append(Ended(self._world.now, self._dialog.name(), why))
        self._dialog = None

    def _ask(self, expires: int, sets: States | None) -> None:
        world, dialog = self._world, self._dialog
        assert dialog is not None
        dialog.cseq += 1
        body = b""
        for feature, state in (sets or {}).items():
            body = wire.body_of(feature, state)
        what = wire.Subscribe(
            self.presentity.encode(),
            self._address,
            dialog.call_id,
            dialog.phone_tag,
            dialog.server_tag,
            dialog.cseq,
            expires,
            body,
        )
        branch = world.token()
        request = _Request(dialog, branch, wire.subscribe(what, branch), world.now)
        request.expires = expires
        if sets:
            request.has_sets = True
            world.history.append(Asked(world.now, request.number, self.presentity, sets))
            world.count("sets_asked")
        self._requests[branch] = request
        if self._refresh is not None:
            self._refresh.cancel()
        self._repeat(request, T1)

    def _repeat(self, request: _Request, wait: float) -> None:
        """Send a request, and again until it is answered."""
        if request.is_over:
            return
        if self._world.now - request.at >= TIMEOUT:
            self._over(request)
            self._world.count("requests_timed_out")
            if request.dialog is self._dialog:
                self._nobody_answers(request)
            return
        self._send(self, request.data)
        self._world.later(wait, self._repeat, request, min(2 * wait, T2))

    def _over(self, request: _Request) -> None:
        request.is_over = True
        self._requests.pop(request.branch, None)

    def _nobody_answers(self, request: _Request) -> None:
        if request.was_new or not self._patience:
            self._give_up("nobody answers")
        self._again(5.0, self.subscribe)

    def _again(self, after: float, what: Callable[[], None]) -> None:
        """Do something later, with a spread."""
        if self._refresh is not None:
            self._refresh.cancel()
        self._refresh = self._world.later(after * (0.5 + self._world.random.random()), what)

    # --- What it hears ---

    def receive(self, data: bytes) -> None:
        """Take one datagram."""
        if data.startswith(b"NOTIFY"):
            self._notified(wire.read_notify(data))
            return
        response = wire.read_response(data)
        request = self._requests.get(response.branch)
        if request is not None and response.status >= 200:
            self._answered(request, response)

    def _answered(self, request: _Request, response: wire.Response) -> None:
        world, dialog, status = self._world, request.dialog, response.status
        self._over(request)
        world.count(f"answers_{status}")
        if request.has_sets:
            world.history.append(Answered(world.now, request.number, status))
        if dialog is not self._dialog:
            return
        if status < 300:
            if request.expires:
                self._granted(request, response)
            else:
                self._give_up("fetched")
                self._again(3.0, self.subscribe)
        elif status == 481:
            world.history.append(Gone(world.now, dialog.name(), request.at))
            self._give_up("481")
            self._again(1.0, self.subscribe)
        elif request.was_new:
            self._give_up("refused")
            self._again(3.0 + response.retry_after, self.subscribe)
        else:
            self._again(3.0 + response.retry_after, self.subscribe)

    def _granted(self, request: _Request, response: wire.Response) -> None:
        world, dialog = self._world, request.dialog
        expires = request.expires if response.expires is None else response.expires
        if request.was_new:
            dialog.server_tag = response.tag
        until = request.at + expires
        world.history.append(Granted(world.now, dialog.name(), self.presentity, until))
        self._again(0.6 * expires, self.subscribe)

    def _notified(self, notify: wire.Notify) -> None:
        world, dialog = self._world, self._dialog
        if dialog is None or not self._is_of(notify, dialog):
            self._send(self, wire.answer(notify, 481))
            tags = (notify.call_id, notify.phone_tag, notify.server_tag)
            world.history.append(Ended(world.now, b";".join(tags).decode(), "NOTIFY refused"))
            return
        key = (notify.server_tag, notify.cseq)
        highest = dialog.told.get(notify.server_tag, 0)
        is_late = notify.cseq < highest
        status = dialog.answers.setdefault(key, 500 if is_late else 200)
        taken = status == 200
        told = Told(
            world.now,
            dialog.name(notify.server_tag),
            self.presentity,
            notify.cseq,
            notify.states,
            notify.content,
            taken,
        )
        world.history.append(told)
        world.count("notifies_told" if taken else "notifies_refused")
        dialog.told[notify.server_tag] = max(highest, notify.cseq)
        self._send(self, wire.answer(notify, status))
        if taken and notify.state == b"terminated" and not is_late and self.has_dialog:
            self._give_up("terminated")
            self._again(2.0, self.subscribe)

    def _is_of(self, notify: wire.Notify, dialog: _Dialog) -> bool:
        """Whether it belongs to the subscription that there is, or is being made."""
        if (notify.call_id, notify.phone_tag) != (dialog.call_id, dialog.phone_tag):
            return False
        return dialog.server_tag in (b"", notify.server_tag)
