"""PUBLISH: a trusted peer sets features, as an operator does by MI.

What is published is hard state (RFC 3903 §3): it does not expire, and nothing is composed. A
publication is only the right to refresh, change and end itself, by an entity-tag.

| body | SIP-If-Match | Expires | what it does                                                    |
|------|--------------|---------|-----------------------------------------------------------------|
| sets | none         | > 0     | sets the features; a new publication                            |
| sets | current      | > 0     | sets the features; the tag is replaced                          |
| none | current      | > 0     | replaces the tag                                                |
| none | current      | 0       | ends the publication; the features stay as they are             |
| any  | unknown      | any     | 412                                                             |
| none | none         | any     | 400                                                             |
| sets | any          | 0       | 400: it would set what it removes (§4.5, §6)                    |

All sets of a PUBLISH are carried out, or none (§6): where a policy denies one, the answer is 403.

Reference: RFC 3903 §6, §8
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, Protocol, final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.presence.admission import event_of, granted, sets_in
from dfks_rules.presence.package import Limits
from dfks_rules.presence.responses import RefusedError, refusal, refusal_for
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.cascade import denial_among
from dfks_rules.service.features import Features
from dfks_rules.sip import header
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.grammar import TOKEN
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.server_transaction import ServerTransaction
from dfks_rules.sip.uri import aor_of

AT_MOST = 65_536
"""Publications that are known, about 300 bytes each. The oldest is forgotten: its peer gets 412 and
publishes anew, as after its end."""

_TAG = re.compile(TOKEN)


class Refuse(Protocol):
    """Answers a request with an error, and counts it."""

    def __call__(
        self,
        incoming: Incoming,
        refused: RefusedError,
        transaction: ServerTransaction | None = None,
        /,
    ) -> None:
        """Refuse a request."""
        ...


@final
class _Publication:
    """One PUBLISH that waits for its outcome."""

    __slots__ = ("expires", "incoming", "presentity", "tag", "transaction", "until")

    def __init__(
        self,
        incoming: Incoming,
        transaction: ServerTransaction,
        presentity: Aor,
        tag: bytes,
        until: float,
        expires: int,
    ) -> None:
        self.incoming: Final = incoming
        self.transaction: Final = transaction
        self.presentity: Final = presentity
        self.tag: Final = tag
        """The entity-tag that it came with; empty for none."""
        self.until: Final = until
        """When that would have ended, monotonic seconds."""
        self.expires: Final = expires
        """Granted duration, s."""


class Publications:
    """Serves PUBLISH, and knows the publications that have not ended."""

    def __init__(
        self,
        endpoint: Endpoint[Subscription],
        features: Features,
        limits: Limits,
        token: Callable[[], bytes],
        refuse: Refuse,
    ) -> None:
        """There are none.

        Args:
            endpoint: what answers go through.
            features: what decides and keeps.
            limits: how long publications may last.
            token: a new unguessable token each time, for entity-tags.
            refuse: what answers with errors.
        """
        self._endpoint = endpoint
        self._features = features
        self._limits = limits
        self._token = token
        self._refuse = refuse
        self._current: dict[bytes, tuple[Aor, float]] = {}
        """Entity-tag → whose features, and when it ends (monotonic seconds)."""
        self.counts = dict.fromkeys(("accepted", "forgotten"), 0)
        """How many PUBLISHes were accepted, and publications forgotten, since the start."""

    def __len__(self) -> int:
        return len(self._current)

    def publish(self, incoming: Incoming, at: datetime, now: float) -> None:
        """Serve a PUBLISH of a trusted peer.

        Args:
            incoming: the PUBLISH.
            at: local time, for the policies.
            now: monotonic seconds.

        Raises:
            RefusedError: it cannot be served.
            MalformedMessageError: it cannot be read.
        """
        request = incoming.request
        if incoming.recipient.tag:
            raise refusal(481, "No such dialog")
        presentity = aor_of(incoming.uri)
        if not presentity.user:
            raise refusal(404)
        event_of(request)
        given = request.get(header.SIP_IF_MATCH)
        tag = given or b""
        if given is not None and _TAG.fullmatch(tag) is None:
            raise refusal(400, "Malformed SIP-If-Match")
        if tag and not self._is_current(tag, presentity, now):
            raise refusal(412)
        expires = granted(request, self._limits)
        asked = sets_in(request)
        if not asked and not tag:
            raise refusal(400, "Nothing is published")
        if asked and not expires:
            raise refusal(400, "Expires: 0 removes a publication; it must not have a body")
        transaction = self._endpoint.begin(incoming, now)
        # Of two that come with one tag, the second is too late.
        _, until = self._current.pop(tag, (presentity, 0.0))
        waiting = _Publication(incoming, transaction, presentity, tag, until, expires)
        if not asked:
            self._accept(waiting, now)
            return
        try:
            done = partial(self._conclude, waiting)
            requester = _requester(incoming, asked)
            self._features.set_all(presentity, asked, requester, at, now, done)
            self._endpoint.expect_delay(incoming, transaction, now)
        except Exception:
            # It is a bug of ours: whoever sent it must not wait.
            if transaction.response is None:
                self._turn_down(waiting, refusal(500))
            raise

    def _is_current(self, tag: bytes, presentity: Aor, now: float) -> bool:
        owner, until = self._current.get(tag, (None, 0.0))
        if until <= now:
            self._current.pop(tag, None)
            return False
        return owner == presentity

    def _conclude(
        self, waiting: _Publication, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        """The outcome of the sets is known."""
        if isinstance(outcomes, StoreError):
            self._turn_down(waiting, refusal_for(outcomes))
            return
        denial = denial_among(outcomes)
        if denial is None:
            self._accept(waiting, now)
        else:
            self._turn_down(waiting, refusal(403, denial.text))

    def _accept(self, waiting: _Publication, now: float) -> None:
        self.counts["accepted"] += 1
        tag = self._token()
        if waiting.expires:
            self._keep(tag, waiting.presentity, now + waiting.expires)
        headers = b"Expires: %d\r\nSIP-ETag: %b\r\n" % (waiting.expires, tag)
        self._endpoint.respond(
            waiting.incoming, 200, headers=headers, transaction=waiting.transaction
        )

    def _turn_down(self, waiting: _Publication, refused: RefusedError) -> None:
        """Refuse a PUBLISH; the publication that it was about goes on."""
        if waiting.tag:
            self._keep(waiting.tag, waiting.presentity, waiting.until)
        self._refuse(waiting.incoming, refused, waiting.transaction)

    def _keep(self, tag: bytes, presentity: Aor, until: float) -> None:
        if len(self._current) >= AT_MOST:
            del self._current[next(iter(self._current))]
            self.counts["forgotten"] += 1
        self._current[tag] = (presentity, until)


def _requester(incoming: Incoming, asked: list[Asked]) -> Requester:
    """Who publishes: for the policies an operator, who came by SIP."""
    flow = incoming.flow
    return Requester(
        Origin.OPERATOR,
        None,
        asked[-1].device,
        None,
        flow.listener.transport,
        flow.remote[0],
    )
