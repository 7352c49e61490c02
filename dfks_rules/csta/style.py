"""How the documents for one kind of phone are written, where phones differ.

Reference: docs/reference/phones.md
"""

from enum import Enum
from typing import Final, final


class OffNumber(Enum):
    """What is sent as the number of a forwarding that is off."""

    SENT = "sent"
    """The stored number; where none is stored, there is no element."""
    LEFT_OUT = "left_out"
    """No element."""
    EMPTY = "empty"
    """An element without text."""


class Quotes(Enum):
    """How the XML declaration is written."""

    DOUBLE = "double"
    SINGLE = "single"
    NONE = "none"
    """There is no declaration, so that the document is UTF-8 (XML 1.0 §4.3.3)."""


class Encoding(Enum):
    """The charset of a document."""

    ISO_8859_1 = "ISO-8859-1"
    """UTF-8 if a text needs it."""
    UTF_8 = "UTF-8"


_DECLARATIONS = {
    Quotes.DOUBLE: '<?xml version="1.0" encoding="{}"?>\r\n',
    Quotes.SINGLE: "<?xml version='1.0' encoding='{}'?>\r\n",
    Quotes.NONE: "",
}


@final
class BodyStyle:
    """One way to write bodies. Equal only to itself, so that it is cheap as a key."""

    __slots__ = ("latin_1", "off_number", "quoted_boundary", "utf_8")

    def __init__(
        self,
        off_number: OffNumber = OffNumber.SENT,
        quotes: Quotes = Quotes.DOUBLE,
        encoding: Encoding = Encoding.ISO_8859_1,
        *,
        quoted_boundary: bool = False,
    ) -> None:
        """Make a style; without arguments it is the usual one.

        Args:
            off_number: what stands for the number of a forwarding that is off.
            quotes: of the XML declaration.
            encoding: of each document.
            quoted_boundary: whether the Content-Type of a multipart has its boundary in quotes.
        """
        self.off_number: Final = off_number
        self.quoted_boundary: Final = quoted_boundary
        declaration = _DECLARATIONS[quotes]
        is_utf_8 = encoding is Encoding.UTF_8 or quotes is Quotes.NONE
        self.latin_1: Final = None if is_utf_8 else declaration.format("ISO-8859-1")
        """The declaration of a document in ISO-8859-1; None where each is in UTF-8."""
        self.utf_8: Final = declaration.format("UTF-8")
        """The declaration of a document in UTF-8."""


USUAL = BodyStyle()
"""How bodies are written unless a profile says otherwise."""
