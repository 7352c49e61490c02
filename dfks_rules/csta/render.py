"""States of features → the bytes sent to a phone.

Every NOTIFY body is made here, so for speed documents are assembled from fixed pieces, without an
XML library.

Reference: ECMA-323 DoNotDisturbEvent, ForwardingEvent; docs/reference/bodies.md.
"""

import re
from typing import NamedTuple

from dfks_rules.csta import multipart
from dfks_rules.csta.names import CONTENT_TYPE, DEVICE, FORWARDING_TYPE, NAMESPACE, TABLE, Words
from dfks_rules.model.features import POSITION, Feature, FeatureState
from dfks_rules.model.values import Value

Document = tuple[Feature, FeatureState]
"""One feature, and the state to send."""

_CONTENT_TYPE = CONTENT_TYPE.encode()
_DECLARATION = '<?xml version="1.0" encoding="%s"?>\r\n'
_ISO_8859_1 = _DECLARATION % "ISO-8859-1"
_UTF_8 = _DECLARATION % "UTF-8"

_SPECIAL = re.compile(r"[^ !#-%(-;=?-~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What must not appear literally in a text: markup, white space that parsers change, control
characters, and non-XML characters."""
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot carry, not even as references (§2.2)."""


_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


class _Pieces(NamedTuple):
    """The fixed pieces of one feature's document, in the order they are sent."""

    before_device: str
    true: str
    """From the end of the device to the end of a status that is on."""
    false: str
    elements: dict[Value, str]
    """Each value of the feature → its element, with `%s` for the value."""
    end: str


def _pieces(words: Words) -> _Pieces:
    kind = words.forwarding_type
    after_device = f"</{DEVICE}>"
    if kind is not None:
        after_device += f"<{FORWARDING_TYPE}>{kind}</{FORWARDING_TYPE}>"
    status = f"{after_device}<{words.event_status}>%s</{words.event_status}>"
    return _Pieces(
        before_device=f'<{words.event_root} xmlns="{NAMESPACE}"><{DEVICE}>',
        true=status % "true",
        false=status % "false",
        elements={value: f"<{name}>%s</{name}>" for value, _, name in words.elements},
        end=f"</{words.event_root}>",
    )


_PIECES = {words.feature: _pieces(words) for words in TABLE}


def render(documents: tuple[Document, ...], device: str) -> tuple[bytes, bytes]:
    """Content-Type and body for `documents`: one is sent plain, several as multipart.

    Args:
        documents: At least one; sent in the order of `FEATURES`.
        device: Text of `<device>`. Characters that XML cannot carry are sent as `?`, here as in a
            forward target.

    Returns:
        The value of the Content-Type header, and the body: ISO-8859-1 if that charset has all the
        characters, else UTF-8.
    """
    text = _escape(device)
    if len(documents) == 1:
        [(feature, state)] = documents
        return _CONTENT_TYPE, _document(feature, state, text)
    ordered = sorted(documents, key=lambda document: POSITION[document[0]])
    contents = [_document(feature, state, text) for feature, state in ordered]
    return multipart.join(CONTENT_TYPE, contents)


def _document(feature: Feature, state: FeatureState, device: str) -> bytes:
    pieces = _PIECES[feature]
    text = pieces.before_device + device + (pieces.true if state.status else pieces.false)
    for value, said in state.values:
        element = pieces.elements.get(value)
        if element is not None:
            text += element % (_escape(said) if isinstance(said, str) else said)
    text += pieces.end
    try:
        return (_ISO_8859_1 + text).encode("latin-1")
    except UnicodeEncodeError:
        return (_UTF_8 + text).encode()


def _escape(text: str) -> str:
    """`text` escaped for use between tags."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(_reference, _ILLEGAL.sub("?", text))


def _reference(special: re.Match[str]) -> str:
    character = special[0]
    return _NAMED.get(character) or f"&#{ord(character)};"
