"""A phone of ours that answers a proxy's challenges."""

from itertools import cycle
from typing import Any

from dfks_rules.cli.phone_auth import Answerer
from tests.helpers.certificates import authority
from tests.helpers.ua import Message, Ua
from tests.long.phones.phone import PASSWORD
from tests.long.phones.sites import REALM, USERS, Site

_NEXT = cycle(USERS)


class Desk(Ua):
    """One of a user of its own."""

    def __init__(self, site: Site, transport: str) -> None:
        tls = authority().trusting() if transport == "tls" else None
        self.user = next(_NEXT)
        aor = f"sip:{self.user}@{REALM}"
        super().__init__(site.ports[transport], aor, transport, tls=tls)
        self.knows = PASSWORD

    def exchange(self, method: str = "SUBSCRIBE", body: bytes = b"", **rest: Any) -> Message:
        """Gives the response to the request with credentials."""
        response = super().exchange(method, body, **rest)
        if response.status != 407:
            return response
        answerer = Answerer(self.user, self.knows)
        assert answerer.take(response.headers["proxy-authenticate"].encode())
        line = answerer.authorization(method.encode(), self.target.encode())
        value = line.decode().partition(": ")[2].rstrip()
        return super().exchange(method, body, **{**rest, "Proxy_Authorization": value})

    def notify(self, status: int | None = 200) -> Message:
        """The next NOTIFY of its dialog; others are answered 481."""
        while (message := super().notify(None)).headers["call-id"] != self.call_id:
            self.answer(message, 481)
        if status is not None:
            self.answer(message, status)
        return message
