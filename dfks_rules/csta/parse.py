"""Bytes of a phone → the sets that it asks for.

Read with expat, not lxml, which keeps every element name it ever met for the life of the process: a
peer that sends new names in each body would make us grow until every later parse fails.

Expat is not given a DTD (so there are no entities to expand), nor the choice of the encoding.

Reference: docs/reference/bodies.md.
"""

import re
from xml.parsers import expat

from dfks_rules.csta import multipart
from dfks_rules.csta.names import CONTENT_TYPE, DEVICE, FORWARDING_TYPE, MULTIPART, TABLE, Words
from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.features import MAX_TEXT, RING_COUNTS, FeatureState
from dfks_rules.model.requests import Asked

MAX_BODY = 65_536
"""Largest body, in bytes."""
MAX_DEPTH = 16
"""Deepest nesting of elements; the root is at depth 1."""
MAX_ELEMENTS = 200
"""Most elements in one document."""
MAX_QUOTED = 40
"""Most characters of a peer's text that an error message repeats."""

_ENCODINGS = {"UTF-8", "ISO-8859-1", "US-ASCII"}
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)[\"']")
_BOM = b"\xef\xbb\xbf"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_TOLD = re.compile(r"[^ !#-\[\]-~]")
"""What an error message leaves out: not printable ASCII, or not fit for a quoted string."""

_REQUESTS: dict[str, dict[str | None, Words]] = {}
for _words in TABLE:
    _REQUESTS.setdefault(_words.request_root, {})[_words.forwarding_type] = _words

# The children that are read; every other one is passed over.
_READ = frozenset({DEVICE, FORWARDING_TYPE}).union(
    name
    for words in TABLE
    for name in (words.request_status, words.request_target, words.ring_count)
    if name is not None
)


def parse(content_type: str, body: bytes) -> list[Asked]:
    """The sets that a body asks for, in document order; never empty.

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
        # A part without a Content-Type is taken for a document: nothing else could be meant.
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
    return content_type.partition(";")[0].strip().lower()


def _parse_document(body: bytes) -> Asked:
    """What one document asks for."""
    text = body.removeprefix(_BOM).strip()  # A newline before the declaration is not XML.
    if not text:
        raise MalformedMessageError("csta_malformed", "empty body")
    # Expat finds out by itself that a document is UTF-16; such a document has null bytes.
    if b"\0" in text:
        raise MalformedMessageError("csta_malformed", "null byte in an XML document")
    # The other encodings taken are ASCII in their lower half, so this finds every DTD there can be.
    # It is looked for before the parser sees anything.
    if b"<!DOCTYPE" in text:
        raise MalformedMessageError("csta_malformed", "document type declarations are not allowed")
    document = _Document()
    # Told the encoding, expat does not ask the declaration.
    parser = expat.ParserCreate("UTF-8" if body.startswith(_BOM) else _encoding(text))
    parser.StartElementHandler = document.start
    parser.CharacterDataHandler = document.text
    parser.EndElementHandler = document.end
    try:
        parser.Parse(text, True)  # noqa: FBT003 - expat takes its arguments by position only
    except expat.ExpatError as error:
        raise MalformedMessageError("csta_malformed", f"malformed XML: {error}") from None
    return _asked(document.root, document.texts)


def _encoding(text: bytes) -> str:
    """The encoding that the XML declaration names; UTF-8 when it names none."""
    declared = _DECLARED.match(text)
    if declared is None:
        return "UTF-8"
    name = declared[1].decode("latin-1")
    if name.upper() not in _ENCODINGS:
        raise MalformedMessageError(
            "csta_unsupported_encoding", f"unsupported encoding {_quoted(name)}"
        )
    return name


class _Document:
    """Told by expat what is in a document; keeps the root's name and the texts of its children.

    Prefixes and namespaces are not looked at: phones bind them in several ways, or not at all.
    """

    __slots__ = ("_depth", "_elements", "_nested", "_pieces", "root", "texts")

    def __init__(self) -> None:
        self.root = ""
        self.texts: dict[str, str] = {}
        """Child → its text without the white space around it; empty when it has child elements."""
        self._depth = 0
        self._elements = 0
        self._pieces: list[str] = []
        self._nested = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth == 1:
            self.root = name.rpartition(":")[2]
        elif self._depth == 2:
            self._pieces = []
            self._nested = False
        else:
            self._nested = True
        if self._depth > MAX_DEPTH:
            raise MalformedMessageError("csta_too_deep", f"elements deeper than {MAX_DEPTH}")
        if self._elements > MAX_ELEMENTS:
            raise MalformedMessageError("csta_too_large", f"more than {MAX_ELEMENTS} elements")

    def text(self, data: str) -> None:
        if self._depth == 2:
            self._pieces.append(data)

    def end(self, name: str) -> None:
        if self._depth == 2:
            text = "" if self._nested else "".join(self._pieces).strip()
            self._keep(name.rpartition(":")[2], text)
        self._depth -= 1

    def _keep(self, name: str, text: str) -> None:
        if name in _READ and self.texts.setdefault(name, text) != text:
            raise MalformedMessageError("csta_bad_value", f"two different values of {name}")


def _asked(root: str, texts: dict[str, str]) -> Asked:
    words = _words_of(root, texts.get(FORWARDING_TYPE))
    forward_to = ring_count = None
    if words.request_target is not None:
        forward_to = _plain_text(words.request_target, texts)
    if words.ring_count is not None:
        ring_count = _ring_count(words.ring_count, texts)
    state = FeatureState(_status(words.request_status, texts), forward_to, ring_count)
    return Asked(words.feature, state, _plain_text(DEVICE, texts))


def _words_of(root: str, forwarding_type: str | None) -> Words:
    """The row of the table that a document is about."""
    features = _REQUESTS.get(root)
    if features is None:
        raise MalformedMessageError("csta_unknown_root", f"unknown request {_quoted(root)}")
    words = features.get(None) or features.get(forwarding_type)
    if words is None:
        reason = (
            f"unknown {FORWARDING_TYPE} {_quoted(forwarding_type)}"
            if forwarding_type
            else f"{root} without {FORWARDING_TYPE}"
        )
        raise MalformedMessageError("csta_unknown_forwarding_type", reason)
    return words


def _status(name: str, texts: dict[str, str]) -> bool:
    text = texts.get(name)
    if not text:
        raise MalformedMessageError("csta_missing_status", f"{name} is missing or empty")
    status = _BOOLEANS.get(text.lower())
    if status is None:
        raise _bad(name, f"{_quoted(text)} is not true or false")
    return status


def _ring_count(name: str, texts: dict[str, str]) -> int | None:
    text = texts.get(name)
    if not text:
        return None
    # Digits are counted first: Python refuses to convert thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) in RING_COUNTS):
        low, high = RING_COUNTS[0], RING_COUNTS[-1]
        raise _bad(name, f"{_quoted(text)} is not a number from {low} to {high}")
    return int(text)


def _plain_text(name: str, texts: dict[str, str]) -> str | None:
    """Text that will be stored, shown and logged; None when nothing was said."""
    text = texts.get(name)
    if not text:
        return None
    if len(text) > MAX_TEXT:
        raise _bad(name, f"longer than {MAX_TEXT} characters")
    if _CONTROL.search(text):
        raise _bad(name, "control character")
    return text


def _bad(name: str, why: str) -> MalformedMessageError:
    return MalformedMessageError("csta_bad_value", f"{name}: {why}")


def _unsupported(content_type: str) -> MalformedMessageError:
    name = _quoted(content_type) if content_type.strip() else "that is not named"
    return MalformedMessageError("csta_unsupported_type", f"unsupported content type {name}")


def _quoted(text: str) -> str:
    """A peer's text, made fit for a reason phrase."""
    return f"`{_NOT_TOLD.sub('', text[:MAX_QUOTED])}`"
