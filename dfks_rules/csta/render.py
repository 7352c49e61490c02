"""States of features → the bytes sent to a phone.

Every NOTIFY body is made here, so for speed documents are assembled from fixed pieces, without an
XML library.

Reference: ECMA-323 DoNotDisturbEvent, ForwardingEvent, AgentReadyEvent and its like;
docs/reference/bodies.md.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from dfks_rules.csta import multipart
from dfks_rules.csta.names import (
    CONTENT_TYPE,
    FORWARDING_TYPE,
    NAMESPACE,
    TABLE,
    Saying,
    Words,
    markup,
)
from dfks_rules.csta.style import USUAL, BodyStyle, OffNumber
from dfks_rules.model.features import POSITION, ROWS, Feature, FeatureState
from dfks_rules.model.values import Value, Values

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_SENT: Final = OffNumber.SENT

Document = tuple[Feature, FeatureState]
"""One feature, and the state to send."""

_CONTENT_TYPE = CONTENT_TYPE.encode()

_SPECIAL = re.compile(r"[^ !#-%(-;=?-~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What must not appear literally in a text: markup, white space that parsers change, control
characters, and non-XML characters."""
_MARK = "\0"
"""What stands for each character of a device: no text that is sent has it."""
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot carry, not even as references (§2.2)."""


_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


class _Pieces(NamedTuple):
    """The fixed pieces of a document that says one thing, in the order they are sent."""

    before_device: str
    status: str
    """From the end of the device to the end of the status."""
    end: str


class _Form(NamedTuple):
    """How the documents of one feature look."""

    on: _Pieces
    off: _Pieces
    """For a feature that is off, and says no word for it."""
    spelled: Value | None
    """The value whose word decides on the pieces in place of the status; None for on or off."""
    by_word: dict[str | int | None, _Pieces]
    elements: dict[Value, str]
    """Each value that is sent → its element, with `%s` for the value."""


def _pieces(words: Words, said: Saying) -> _Pieces:
    status = f"</{words.event_device}>"
    if words.forwarding_type is not None:
        status += f"<{FORWARDING_TYPE}>{words.forwarding_type}</{FORWARDING_TYPE}>"
    if words.event_status is not None:
        status += f"<{words.event_status}>{said.event}</{words.event_status}>"
    root = said.event_root
    before = f'<{root} xmlns="{NAMESPACE}"><{words.event_device}>'
    return _Pieces(before, status, f"</{root}>")


def _form(words: Words) -> _Form:
    pieces = {said: _pieces(words, said) for said in words.sayings}
    spelling = ROWS[words.feature].spelling
    spelled = None if spelling is None else spelling.value
    by_word: dict[str | int | None, _Pieces] = {
        dict(said.values)[spelled]: one for said, one in pieces.items() if spelled
    }
    on, off = (
        next(one for said, one in pieces.items() if said.status is on) for on in (True, False)
    )
    return _Form(
        on,
        off if spelling is None else by_word[spelling.unset],
        spelled,
        by_word,
        {one.value: markup(one.event, one.namespace) for one in words.elements},
    )


_FORMS = {words.feature: _form(words) for words in TABLE}


def render(
    documents: tuple[Document, ...], device: str, style: BodyStyle = USUAL
) -> tuple[bytes, bytes]:
    """Content-Type and body for `documents`: one is sent plain, several as multipart.

    Args:
        documents: At least one; sent in the order of `FEATURES`.
        device: Text of `<device>`. Characters that XML cannot carry are sent as `?`, here as in a
            forward target.
        style: how they are written.

    Returns:
        The value of the Content-Type header, and the body: ISO-8859-1 if that charset has all the
        characters and `style` allows it, else UTF-8.
    """
    return _joined(documents, _escape(device), style)


def _joined(documents: tuple[Document, ...], text: str, style: BodyStyle) -> tuple[bytes, bytes]:
    """As `render`; `text`: the device, escaped."""
    if len(documents) == 1:
        [(feature, state)] = documents
        return _CONTENT_TYPE, _document(feature, state, text, style)
    ordered = sorted(documents, key=lambda document: POSITION[document[0]])
    contents = [_document(feature, state, text, style) for feature, state in ordered]
    return multipart.join(CONTENT_TYPE, contents, quoted=style.quoted_boundary)


def content(documents: tuple[Document, ...], device: str, style: BodyStyle = USUAL) -> bytes:
    """The end of a message that says `documents`: its lines from Content-Type on, and the body.

    Most features of most users have no values, and only the device tells their documents from those
    of others. So these are made once for all devices of a length, and put together in 1 µs where
    `render` takes 3.5. Not so where a device is written otherwise, or decides on the boundary.

    Args:
        documents: as `render` has them.
        device: as well.
        style: as well.
    """
    for _, state in documents:
        if state.values:
            break
    else:
        if _is_literal(device):
            return device.encode().join(_pieces_between(documents, len(device), style))
    return _content(*render(documents, device, style))


def _is_literal(device: str) -> bool:
    """Whether a device is sent as it is, and decides on nothing but lengths."""
    if not device or not device.isascii() or multipart.BOUNDARY in device:
        return False
    return _SPECIAL.search(device) is None


@lru_cache(maxsize=1024)
def _pieces_between(
    documents: tuple[Document, ...], length: int, style: BodyStyle
) -> tuple[bytes, ...]:
    """What comes before, between and after the devices, where each has so many characters."""
    mark = _MARK * length
    return tuple(_content(*_joined(documents, mark, style)).split(mark.encode()))


def _content(content_type: bytes, body: bytes) -> bytes:
    line = b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
    return line % (content_type, len(body), body)


def _document(feature: Feature, state: FeatureState, device: str, style: BodyStyle) -> bytes:
    form = _FORMS[feature]
    pieces = form.on if state.status else form.off
    if form.spelled is not None:
        pieces = form.by_word.get(state.value(form.spelled), pieces)
    text = pieces.before_device + device + pieces.status
    for value, said in _values(state, form, style):
        element = form.elements.get(value)
        if element is not None:
            text += element % (_escape(said) if isinstance(said, str) else said)
    text += pieces.end
    if style.latin_1 is not None:
        try:
            return (style.latin_1 + text).encode("latin-1")
        except UnicodeEncodeError:
            pass  # A text needs UTF-8.
    return (style.utf_8 + text).encode()


def _values(state: FeatureState, form: _Form, style: BodyStyle) -> Values:
    """The values of a state that are sent, in order."""
    if state.status or style.off_number is _SENT:
        return state.values
    others = tuple([one for one in state.values if one[0] is not Value.FORWARD_TO])
    if style.off_number is OffNumber.LEFT_OUT or Value.FORWARD_TO not in form.elements:
        return others
    return ((Value.FORWARD_TO, ""), *others)


def _escape(text: str) -> str:
    """`text` escaped for use between tags."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(_reference, _ILLEGAL.sub("?", text))


def _reference(special: re.Match[str]) -> str:
    character = special[0]
    return _NAMED.get(character) or f"&#{ord(character)};"
