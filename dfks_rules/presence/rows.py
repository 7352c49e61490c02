"""What is written into the row of a subscription, and read from it.

A SUBSCRIBE is kept as it came, without its body and without what it was authenticated by, after one
line of ours: where it came from, and what its head does not say. The fields of that line are
separated by tabs:

    transport, our address, our port, address of the peer, its port
    and, where something is known of them: method, user and domain of the identity, its name, device

Reference: docs/decisions/0022-dialogs-are-kept-as-messages.md
"""

from typing import Final, NamedTuple

from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.sip.flow import TRANSPORTS
from dfks_rules.sip.incoming import Incoming

OWED: Final = 1
"""Its phone has to be told all states."""
UNPROVED: Final = 2
"""See `Proof.UNPROVED`; without this and the next one it is proved."""
ANSWERS: Final = 4
"""See `Proof.ANSWERS`."""
WANTS_NONE: Final = 8
"""Its phone wants no states."""
NAMED: Final = 16
"""Its last SUBSCRIBE had a `<device>`."""
REFUSED: Final = 32
"""Its last SUBSCRIBE was not granted."""
ONE_SHOT: Final = 64
"""There is no dialog: the row is here to know a repeat of sets by."""
COUNTED: Final = 128
"""It counts for the limits of subscriptions."""
_WHEN: Final = 8
"""From this bit on, when the row was made or written behind, whole seconds since 1970."""

TERM: Final = 11
"""A CSeq of a NOTIFY is a term and so many bits of number."""
_TERMS: Final = 31 - TERM
_IN_TERM: Final = (1 << TERM) - 1
_RESERVED_AT: Final = 1 << (TERM - 1)

_POSITIONS = {one.value.encode(): place for place, one in enumerate(TRANSPORTS)}

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_PLAIN = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}


class Source(NamedTuple):
    """What is kept of a SUBSCRIBE besides its head."""

    transport: str
    host: str
    """The local address."""
    port: int
    remote: tuple[str, int]
    identity: Identity | None
    """Who sent it, where phones authenticate."""
    device: str | None
    """The text of the last `<device>` that its phone has sent by then."""


class UnreadableError(Exception):
    """A row is not one of ours."""


def message_of(incoming: Incoming, identity: Identity | None, device: str | None) -> bytes:
    """A SUBSCRIBE, as it is kept.

    Args:
        incoming: the SUBSCRIBE.
        identity: who sent it, where phones authenticate.
        device: the text of the last `<device>` that its phone has sent by then.
    """
    listener, remote = incoming.flow.listener, incoming.flow.remote
    line = (
        f"{listener.transport._value_}\t{listener.host}\t{listener.port}\t{remote[0]}\t{remote[1]}"
    )
    if identity is not None or device is not None:
        line += _further(identity, device)
    return line.encode(errors="replace") + b"\r\n" + incoming.request.head_to_keep()


def _further(identity: Identity | None, device: str | None) -> str:
    who = ("", "", "", "")
    if identity is not None:
        who = identity.method.value, identity.aor.user, identity.aor.domain, identity.user
    texts = [text.translate(_ESCAPES) for text in who]
    return "\t".join(["", *texts]) + ("" if device is None else "\t" + device.translate(_ESCAPES))


def position_of(kept: bytes) -> int:
    """Position in `TRANSPORTS` of the transport that a SUBSCRIBE came by; 0 if that is unknown."""
    return _POSITIONS.get(kept.partition(b"\t")[0], 0)


def read_message(kept: bytes) -> tuple[Source, bytes]:
    """What `message_of` was given, and the head.

    Raises:
        UnreadableError: it is something else.
    """
    line, _, head = kept.partition(b"\r\n")
    try:
        transport, host, port, remote, remote_port, *rest = line.decode().split("\t")
        identity = device = None
        if rest:
            method, user, domain, name, *devices = [_unescaped(text) for text in rest]
            if method:
                identity = Identity(Aor(user, domain), AuthMethod(method), name)
            device = devices[0] if devices else None
        return (
            Source(transport, host, int(port), (remote, int(remote_port)), identity, device),
            head,
        )
    except (ValueError, KeyError) as error:
        raise UnreadableError("no SUBSCRIBE is kept in it") from error


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    pieces: list[str] = []
    position = 0
    while position < len(text):
        width = 2 if text[position] == "\\" else 1
        piece = text[position : position + width]
        pieces.append(_PLAIN[piece] if width == 2 else piece)
        position += width
    return "".join(pieces)


# --- CSeq ---


def base_of(local_cseq: int, term: int) -> int:
    """The base with which a row reserves the CSeqs that follow.

    From the middle of a term on it is that of the next one: so a later life of the server, whose
    term is higher, begins above every CSeq that this one may use.

    Args:
        local_cseq: of the last NOTIFY.
        term: which life of the server it is.
    """
    return ((local_cseq + _RESERVED_AT) >> TERM) - term


def local_cseq_of(base: int, term: int) -> int:
    """The CSeq that the NOTIFYs of a restored dialog follow.

    Raises:
        UnreadableError: there are none left.
    """
    absolute = base + term
    if not 0 <= absolute < 1 << _TERMS:
        raise UnreadableError("no CSeq is left")
    return absolute << TERM


def begins_to_reserve(local_cseq: int) -> bool:
    """Whether the next term has to be reserved now."""
    return local_cseq & _IN_TERM == _RESERVED_AT


def is_last_of_term(local_cseq: int) -> bool:
    """Whether the NOTIFY after this one is the last one of its term."""
    return local_cseq & _IN_TERM == _IN_TERM - 1


# --- Flags ---


def written_at(flags: int) -> float:
    """When a row was made or written behind, seconds since 1970."""
    return float(flags >> _WHEN)


def with_time(flags: int, at: float) -> int:
    """Flags with the time at which their row is written."""
    return flags & ((1 << _WHEN) - 1) | int(at) << _WHEN
