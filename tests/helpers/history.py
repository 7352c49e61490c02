"""What happened in a run with faults, as `tests.helpers.checker` reads it.

A history is an iterable of these events, in any order. Times are seconds on one scale, virtual or
real (in a real run `time.time()` of the machine that the server, too, runs on).

A state is a text: `off`, or `on` and its values (`on 4711`); where nothing is stored it is `off`.
A presentity, a feature, a request and a dialog are texts, equal where they are the same.
"""

from typing import NamedTuple

States = dict[str, str]
"""Feature → state."""


class Asked(NamedTuple):
    """A phone (or whoever else) sent a request with sets for the first time.

    Where only one request ever asks for a state of a feature of a presentity, that state names the
    request. So phones should forward to a number that nobody uses again. A state that several ask
    for (`on` of do not disturb), and `off`, which holds before anybody asks, are checked, too, but
    less strictly.
    """

    at: float
    request: str
    """Another one for each request, the same for its repeats; Call-ID and CSeq will do."""
    presentity: str
    states: States
    """What it asks for."""


class Answered(NamedTuple):
    """The final response to a request with sets came, for the first time."""

    at: float
    request: str
    status: int
    """2xx: all that it asked for is kept. Anything else, or no answer at all: perhaps."""


class Stored(NamedTuple):
    """A row of the journal, read when all is over."""

    at: float | None
    """When it was stored; None where that is not known as well as the other times are."""
    seq: int
    """Its place in the journal."""
    presentity: str
    revision: int
    feature: str
    after: str
    """The state from then on."""
    before: str | None = None
    """The state until then; None where it is not known."""


class Held(NamedTuple):
    """What the store holds of a presentity when all is over."""

    presentity: str
    revision: int
    states: States


class Granted(NamedTuple):
    """A phone read a 2xx to a SUBSCRIBE, the first or a refresh: it counts on its subscription."""

    at: float
    dialog: str
    """Both tags and the Call-ID."""
    presentity: str
    until: float
    """When it expires: what was granted, from the moment at which the request was first sent."""


class Ended(NamedTuple):
    """A subscription ended so that nothing is promised to its phone any more.

    The phone unsubscribed, or gave it up, or refused a NOTIFY; or the server sent a last NOTIFY,
    whether it arrived or not.
    """

    at: float
    dialog: str
    why: str


class Gone(NamedTuple):
    """A phone read a 481 to a SUBSCRIBE in its dialog."""

    at: float
    dialog: str
    asked: float
    """When the request was first sent."""


class Told(NamedTuple):
    """A NOTIFY came, whether or not the phone takes it; one event for each time it came."""

    at: float
    dialog: str
    presentity: str
    cseq: int
    states: States
    """Of the features that it is about; none where it has no body."""
    content: str
    """All that a retransmission has in common with it: Subscription-State and body will do."""
    taken: bool = True
    """False where the phone refused it because of its CSeq, which is lower than one before."""
    source: str = ""
    """Who sent it; only people want to know."""

    def __repr__(self) -> str:
        what = f"{self.at:.4f} {self.dialog} {self.presentity} CSeq {self.cseq} {self.states}"
        what += f" from {self.source}" if self.source else ""
        return f"Told({what}{'' if self.taken else ' refused'}, {self.content[:60]!r})"


class Began(NamedTuple):
    """Of several nodes another one has a dialog from now on; or the same one, anew.

    Until it hears of that, the one that had it may tell something newer, under a lower CSeq.
    """

    at: float
    tag: str
    """Of the server, in the dialog."""
    term: int
    """Its NOTIFYs have CSeq = term · 2¹¹ + n."""


class Served(NamedTuple):
    """A node answered a SUBSCRIBE in a dialog by 2xx; one event for each time."""

    at: float
    tag: str
    """Of the server, in the dialog."""
    cseq: int
    by: int
    """Life of the node."""


class Lapsed(NamedTuple):
    """A life of a node has ended, and others have what it had."""

    at: float
    life: int


class Owned(NamedTuple):
    """Whose a dialog is when all is over."""

    tag: str
    by: int
    """Life of the node."""
    latest: int
    """Highest CSeq of a SUBSCRIBE in it that is known to the engine, answered or not."""


class Quiet(NamedTuple):
    """No more faults or sets from now on; the last of them counts."""

    at: float


class Over(NamedTuple):
    """The end of the run. Without it, the time of the last event is the end."""

    at: float


Event = (
    Asked
    | Answered
    | Stored
    | Held
    | Granted
    | Ended
    | Gone
    | Told
    | Began
    | Served
    | Lapsed
    | Owned
    | Quiet
    | Over
)
