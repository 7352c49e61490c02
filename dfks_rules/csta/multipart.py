"""Several documents in one body: `multipart/mixed`, taken apart and put together.

Reference: RFC 2046 §5.1, RFC 5621 §3.
"""

import re
from collections.abc import Sequence

from dfks_rules.csta.names import MULTIPART
from dfks_rules.errors import MalformedMessageError

MAX_PARTS = 16
"""Most parts accepted from a peer; a body has one document for each feature."""
MAX_PART_HEADERS = 16
"""Most header lines in a part."""

# RFC 2046 §5.1.1 allows 1 to 70 characters; without quotes, no white space and no separators.
_BOUNDARY = re.compile(
    r';\s*+boundary\s*+=\s*+(?:"([^"]{1,70}+)"|([^\s";,]{1,70}+))', re.IGNORECASE
)
BOUNDARY = "dfks"
"""What each boundary of ours begins with."""
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def split(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """The parts of a multipart body, in order, each as its Content-Type and content.

    A part that names no Content-Type has the type `""`. Text before the first boundary and after
    the last is ignored, as RFC 2046 requires. Lines may end in CRLF or LF.

    Args:
        content_type: The whole value of the Content-Type header.
        body: The body that came with it.

    Raises:
        MalformedMessageError: `csta_malformed` or `csta_too_large`.
    """
    named = _BOUNDARY.search(content_type)
    if named is None:
        raise MalformedMessageError("csta_malformed", "multipart body without a usable boundary")
    boundary = re.escape((named[1] or named[2]).encode())
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + boundary + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[tuple[str, bytes]] = []
    start: int | None = None
    for found in delimiter.finditer(body):
        if start is not None:
            parts.append(_part(body[start : found.start()]))
        if found[1] is not None:
            return parts
        if len(parts) == MAX_PARTS:
            raise MalformedMessageError(
                "csta_too_large", f"multipart body of more than {MAX_PARTS} parts"
            )
        start = found.end()
    # A truncated body may have lost a set, so none of it is applied.
    raise MalformedMessageError("csta_malformed", "multipart body without its last boundary")


def _part(part: bytes) -> tuple[str, bytes]:
    """Content-Type and content of one part, which begins with the line break after its boundary."""
    if part.lstrip().startswith(b"<"):  # No headers, with or without the blank line after them.
        return "", part
    head, *content = _BLANK_LINE.split(part, maxsplit=1)
    # The head begins with the line break after the boundary.
    lines = head.split(b"\n", MAX_PART_HEADERS + 1)[1:]
    if len(lines) > MAX_PART_HEADERS:
        raise MalformedMessageError("csta_too_large", f"part with over {MAX_PART_HEADERS} headers")
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-type":
            return value.decode("latin-1").strip(), b"".join(content)
    return "", b"".join(content)


def join(
    content_type: str, contents: Sequence[bytes], *, quoted: bool = False
) -> tuple[bytes, bytes]:
    """Content-Type and body for `contents`, all of type `content_type`, in the given order.

    The boundary is not random but the first of `dfks`, `dfks1`, `dfks2`, … that no content
    contains. It is a token (RFC 2045 §5.1) and so needs no quotes: liblinphone 5.1.65 crashes on
    them. With `quoted` it has some, all the same.
    """
    boundary = _free(BOUNDARY.encode(), b"".join(contents))
    head = b"--%b\r\nContent-Type: %b\r\nContent-Length: " % (boundary, content_type.encode())
    pieces = [b"%b%d\r\n\r\n%b\r\n" % (head, len(content), content) for content in contents]
    body = b"".join((*pieces, b"--", boundary, b"--\r\n"))
    named = b'"%b"' % boundary if quoted else boundary
    return b"%b;boundary=%b" % (MULTIPART.encode(), named), body


def _free(name: bytes, taken: bytes) -> bytes:
    """`name`, followed by a number if `taken` contains it."""
    free, number = name, 0
    while free in taken:
        number += 1
        free = b"%b%d" % (name, number)
    return free
