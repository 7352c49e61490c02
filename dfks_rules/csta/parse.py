"""Bytes from a phone → the sets it asks for.

Reference: docs/reference/bodies.md.
"""

import re

from dfks_rules.csta import multipart, xml
from dfks_rules.csta.names import (
    CONTENT_TYPE,
    DEVICE,
    FORWARDING_TYPE,
    MULTIPART,
    TABLE,
    Saying,
    Words,
)
from dfks_rules.csta.xml import quoted
from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.features import FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import MAX_TEXT, Choice, Integer, Text, Values

MAX_BODY = 65_536
"""Largest body, in bytes."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_REQUESTS: dict[str, dict[str | None, Words]] = {}
for _words in TABLE:
    _REQUESTS.setdefault(_words.request_root, {})[_words.forwarding_type] = _words

_SAYINGS = {
    words.feature: {text.lower(): one for one in words.sayings for text in one.request}
    for words in TABLE
}
"""Feature → text of its status element in lower case → what that says."""


def parse(content_type: str, body: bytes) -> list[Asked]:
    """The sets a body asks for, in document order; never empty.

    Args:
        content_type: Value of the Content-Type header with its parameters; `""` for none.
        body: One document, or a multipart of them.

    Raises:
        MalformedMessageError: `csta_unsupported_type`, `csta_unsupported_encoding`,
            `csta_malformed`, `csta_too_large`, `csta_too_deep`, `csta_unknown_root`,
            `csta_unknown_forwarding_type`, `csta_missing_status` or `csta_bad_value`. The message
            is one line of printable ASCII without double quotes.
    """
    if len(body) > MAX_BODY:
        raise MalformedMessageError("csta_too_large", f"body larger than {MAX_BODY} bytes")
    media_type = _media_type(content_type)
    if media_type == CONTENT_TYPE:
        return [_parse_document(body)]
    if media_type == MULTIPART:
        # A part without a Content-Type is read as a document: it can be nothing else.
        parts = multipart.split(content_type, body)
        if not parts:
            raise MalformedMessageError("csta_malformed", "multipart body without parts")
        return [_parse_part(part_type or CONTENT_TYPE, content) for part_type, content in parts]
    raise _unsupported(content_type)


def _parse_part(content_type: str, content: bytes) -> Asked:
    if _media_type(content_type) != CONTENT_TYPE:
        raise _unsupported(content_type)
    return _parse_document(content)


def _media_type(content_type: str) -> str:
    if content_type == CONTENT_TYPE:  # Nearly always.
        return content_type
    return content_type.partition(";")[0].strip().lower()


def _parse_document(body: bytes) -> Asked:
    """The set one document asks for."""
    root, texts = xml.read(body)
    words = _words_of(root, texts.get(FORWARDING_TYPE))
    said = _said(words, texts)
    values = said.values + _values(words, texts) if words.elements else said.values
    state = FeatureState(said.status, values)
    device = texts.get(DEVICE)
    return Asked(words.feature, state, _plain(DEVICE, device) if device else None)


def _words_of(root: str, forwarding_type: str | None) -> Words:
    """The row of the table that describes a document."""
    features = _REQUESTS.get(root)
    if features is None:
        raise MalformedMessageError("csta_unknown_root", f"unknown request {quoted(root)}")
    words = features.get(None) or features.get(forwarding_type)
    if words is None:
        reason = (
            f"unknown {FORWARDING_TYPE} {quoted(forwarding_type)}"
            if forwarding_type
            else f"{root} without {FORWARDING_TYPE}"
        )
        raise MalformedMessageError("csta_unknown_forwarding_type", reason)
    return words


def _said(words: Words, texts: dict[str, str]) -> Saying:
    name = words.request_status
    text = texts.get(name)
    if not text:
        raise MalformedMessageError("csta_missing_status", f"{name} is missing or empty")
    said = _SAYINGS[words.feature].get(text.lower())
    if said is None:
        *others, last = [one.request[0] for one in words.sayings]
        raise _bad(name, f"{quoted(text)} is not {', '.join(others)} or {last}")
    return said


def _values(words: Words, texts: dict[str, str]) -> Values:
    """The requested values, without those whose element is missing or empty."""
    values = []
    for value, name, _, _ in words.elements:
        text = texts.get(name)
        if text:
            values.append((value, read_value(value.kind, name, text)))
    return tuple(values)


def read_value(kind: Text | Integer | Choice, name: str, text: str) -> str | int:
    """The value of an element whose text is not empty.

    Raises:
        MalformedMessageError: `csta_bad_value`; see `parse`.
    """
    match kind:
        case Text():
            return _plain(name, text)
        case Integer(least, most):
            # Count the digits first: Python refuses to convert thousands of them.
            digits = text.isascii() and text.isdigit() and len(text) < 10
            if digits and least <= int(text) <= most:
                return int(text)
            raise _bad(name, f"{quoted(text)} is not a number from {least} to {most}")
        case Choice(words):
            if text in words:
                return text
            raise _bad(name, f"{quoted(text)} is not one of {', '.join(words)}")


def _plain(name: str, text: str) -> str:
    """Text that is fit to be stored, shown and logged."""
    if len(text) > MAX_TEXT:
        raise _bad(name, f"longer than {MAX_TEXT} characters")
    if not text.isprintable() and _CONTROL.search(text):  # Nearly always it is printable.
        raise _bad(name, "control character")
    return text


def _bad(name: str, why: str) -> MalformedMessageError:
    return MalformedMessageError("csta_bad_value", f"{name}: {why}")


def _unsupported(content_type: str) -> MalformedMessageError:
    named = content_type.strip()
    why = f"unsupported content type {quoted(content_type)}" if named else "no content type"
    return MalformedMessageError("csta_unsupported_type", why)
