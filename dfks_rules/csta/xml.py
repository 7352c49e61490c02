"""One document from a phone → the name of its root and the texts of the elements within.

Read with expat, not lxml, which keeps every element name it has ever seen for the life of the
process: a peer that sends new names in each body would make the server grow until every later parse
fails. Expat gets neither a DTD (so there are no entities to expand) nor the choice of encoding.

Nearly every document has one shape: a root with a few children that hold nothing but printable
ASCII. One expression recognises that shape, in a quarter of the time; expat reads all the others,
and would read these with the same result (tests/property/test_csta.py).

Reference: docs/reference/bodies.md.
"""

import re
from xml.parsers import expat

from dfks_rules.csta.names import READ
from dfks_rules.errors import MalformedMessageError

MAX_DEPTH = 16
"""Deepest nesting of elements; the root is at depth 1."""
MAX_ELEMENTS = 200
"""Most elements in one document."""
MAX_QUOTED = 40
"""Most characters of a peer's text that an error message quotes."""

_ENCODINGS = {"UTF-8", "ISO-8859-1", "US-ASCII"}
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)[\"']")
_BOM = b"\xef\xbb\xbf"
_NOT_TOLD = re.compile(r"[^ !#-\[\]-~]")
"""What an error message leaves out: characters that are not printable ASCII, or not allowed in a
quoted string."""

_NAMES = {path.rpartition("/")[2] for path in READ}
"""Names of the elements that are read, wherever they stand."""

# Every open-ended quantifier is possessive, so that matching is linear whatever a peer sends.
_SPACE = r"[ \t\r\n]*+"
_NAME = r"[A-Za-z_][A-Za-z0-9_.\-]*+"
_QNAME = rf"{_NAME}(?>(?::{_NAME})?)"
_TEXT = r"[ -%'-;=?-~]*+"
"""Printable ASCII without `&`, `<` and `>`."""
_ENCODING = r"(?i:UTF-8|ISO-8859-1|US-ASCII)"
_PROLOGUE = (
    rf"<\?xml version=(?:\"1\.0\"(?>(?: encoding=\"{_ENCODING}\")?)"
    rf"|'1\.0'(?>(?: encoding='{_ENCODING}')?)) ?\?>"
)
_XMLNS = rf" xmlns(?>(?::{_NAME})?)=(?:\"[!#-%'-;=?-~]*+\"|'[!-%(-;=?-~]*+')"
_CHILDREN = 8
"""Most children that one expression reads; phones write at most five."""


def _flat() -> re.Pattern[str]:
    """The usual shape. Each child has two groups of its own, its name and its text, so that nothing
    has to be searched in what was matched: 1 µs less for each body.
    """
    children = ""
    for group in range(2 * _CHILDREN, 0, -2):  # From within: each may be the last one.
        name, text = f"({_QNAME})", f"({_TEXT})"
        children = rf"(?>(?:{_SPACE}<{name}(?:/>|>{text}</\{group}>){children})?)"
    return re.compile(
        rf"{_SPACE}(?>(?:{_PROLOGUE}{_SPACE})?)<({_QNAME})(?>(?:{_XMLNS})?)>"
        rf"{children}{_SPACE}</\1>{_SPACE}"
    )


_FLAT = _flat()


def read(body: bytes) -> tuple[str, dict[str, str]]:
    """Read one document. Prefixes and namespaces are ignored: phones use them in many ways.

    Returns:
        The name of the root, and the text of each element in `READ`: stripped of surrounding white
        space, and empty for one that has child elements.

    Raises:
        MalformedMessageError: `csta_unsupported_encoding`, `csta_malformed`, `csta_too_large`,
            `csta_too_deep`, or `csta_bad_value` for two values of one child.
    """
    return _read_flat(body) or _read_any(body)


def _read_flat(body: bytes) -> tuple[str, dict[str, str]] | None:
    """The document, if it has the usual shape: only known children, none repeated."""
    # Any encoding will do: the shape has no characters beyond ASCII.
    flat = _FLAT.fullmatch(body.decode("latin-1"))
    if flat is None:
        return None
    groups = flat.groups()
    texts: dict[str, str] = {}
    for at in range(1, len(groups), 2):
        name, text = groups[at], groups[at + 1]
        if name is None:
            break
        if ":" in name:
            name = name.rpartition(":")[2]
        if name not in READ or name in texts:
            return None
        texts[name] = text.strip() if text else ""
    return groups[0].rpartition(":")[2], texts


def _read_any(body: bytes) -> tuple[str, dict[str, str]]:
    text = body.removeprefix(_BOM).strip()  # A newline before the declaration is not XML.
    if not text:
        raise MalformedMessageError("csta_malformed", "empty body")
    # Expat detects UTF-16 by itself; such a document has null bytes.
    if b"\0" in text:
        raise MalformedMessageError("csta_malformed", "null byte in an XML document")
    # The other accepted encodings contain ASCII, so this finds every possible DTD, and does so
    # before the parser sees anything.
    if b"<!DOCTYPE" in text:
        raise MalformedMessageError("csta_malformed", "document type declarations are not allowed")
    reader = _Reader()
    # Given the encoding, expat ignores the declaration.
    parser = expat.ParserCreate("UTF-8" if body.startswith(_BOM) else _encoding(text))
    # Otherwise each line end causes a separate call.
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(text, True)  # noqa: FBT003 - expat takes its arguments by position only
    except expat.ExpatError as error:
        raise MalformedMessageError("csta_malformed", f"malformed XML: {error}") from None
    return reader.root, reader.texts


def _encoding(text: bytes) -> str:
    """The encoding that the XML declaration names; UTF-8 when it names none."""
    declared = _DECLARED.match(text)
    if declared is None:
        return "UTF-8"
    name = declared[1].decode("latin-1")
    if name.upper() not in _ENCODINGS:
        raise MalformedMessageError(
            "csta_unsupported_encoding", f"unsupported encoding {quoted(name)}"
        )
    return name


class _Reader:
    """Receives expat's events; keeps the root's name and the texts of the elements that are read.

    `READ` names them by their path, without the root.
    """

    __slots__ = ("_elements", "_nested", "_path", "_pieces", "root", "texts")

    def __init__(self) -> None:
        self.root = ""
        self.texts: dict[str, str] = {}
        self._elements = 0
        self._path: list[str] = []
        """Names of the open elements, the root first."""
        self._pieces: list[str] = []
        """What the innermost open element holds so far."""
        self._nested = False
        """Whether it has child elements."""

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(":")[2])
        self._elements += 1
        self._pieces = []
        self._nested = False
        if len(self._path) > MAX_DEPTH:
            raise MalformedMessageError("csta_too_deep", f"elements nested deeper than {MAX_DEPTH}")
        if self._elements > MAX_ELEMENTS:
            raise MalformedMessageError("csta_too_large", f"more than {MAX_ELEMENTS} elements")

    def text(self, data: str) -> None:
        self._pieces.append(data)

    def end(self, _name: str) -> None:
        name = self._path.pop()
        if name in _NAMES and self._path:
            path = name if len(self._path) == 1 else "/".join([*self._path[1:], name])
            if path in READ:
                text = "" if self._nested else "".join(self._pieces).strip()
                if self.texts.setdefault(path, text) != text:
                    raise MalformedMessageError("csta_bad_value", f"two different values of {path}")
        self.root = name
        self._nested = True


def quoted(text: str) -> str:
    """A peer's text, cleaned and shortened for a reason phrase."""
    return f"`{_NOT_TOLD.sub('', text[:MAX_QUOTED])}`"
