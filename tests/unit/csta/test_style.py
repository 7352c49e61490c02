"""How bodies are written for phones that want them otherwise."""

import pytest

from dfks_rules.csta.multipart import split
from dfks_rules.csta.render import Document, render
from dfks_rules.csta.style import USUAL, BodyStyle, Encoding, OffNumber, Quotes
from dfks_rules.model.features import OFF, FeatureState
from tests.helpers.policy import CFA, CFNA, DND, ON
from tests.helpers.states import forwarding


def _body(style: BodyStyle, *documents: Document, device: str = "alice") -> bytes:
    return render(documents, device, style)[1]


@pytest.mark.parametrize(
    ("style", "start"),
    [
        (BodyStyle(), b'<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<'),
        (BodyStyle(encoding=Encoding.UTF_8), b'<?xml version="1.0" encoding="UTF-8"?>\r\n<'),
        (BodyStyle(quotes=Quotes.SINGLE), b"<?xml version='1.0' encoding='ISO-8859-1'?>\r\n<"),
        (BodyStyle(quotes=Quotes.NONE), b"<DoNotDisturbEvent "),
    ],
)
def test_declaration_is_written_as_the_phone_wants_it(style: BodyStyle, start: bytes) -> None:
    """Some parsers know one form only."""
    assert _body(style, (DND, ON)).startswith(start)


@pytest.mark.parametrize("quotes", list(Quotes))
@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_document_is_in_the_charset_that_it_declares(quotes: Quotes, encoding: Encoding) -> None:
    """Without a declaration that is UTF-8 (XML 1.0 §4.3.3)."""
    for device in ("Jürgen", "Łukasz"):
        body = _body(BodyStyle(quotes=quotes, encoding=encoding), (DND, ON), device=device)
        declared = "ISO-8859-1" if b"ISO-8859-1" in body else "UTF-8"
        assert f"<device>{device}</device>" in body.decode(declared)
        usual = encoding is Encoding.ISO_8859_1 and quotes is not Quotes.NONE
        assert (declared == "ISO-8859-1") is (usual and device == "Jürgen")


STORED = forwarding(False, "2424", 4)


@pytest.mark.parametrize(
    ("off_number", "state", "end"),
    [
        (OffNumber.SENT, STORED, b"<forwardTo>2424</forwardTo><ringCount>4</ringCount></"),
        (OffNumber.SENT, OFF, b"<forwardStatus>false</forwardStatus></"),
        (OffNumber.LEFT_OUT, STORED, b"false</forwardStatus><ringCount>4</ringCount></"),
        (OffNumber.EMPTY, STORED, b"<forwardTo></forwardTo><ringCount>4</ringCount></"),
        (OffNumber.EMPTY, OFF, b"<forwardTo></forwardTo></"),
    ],
)
def test_number_of_a_forwarding_that_is_off(
    off_number: OffNumber, state: FeatureState, end: bytes
) -> None:
    """A phone may take a number for a forwarding that is on, or miss the element."""
    style = BodyStyle(off_number)
    assert end in _body(style, (CFNA, state))
    on = (CFA, forwarding(True, "2424"))
    assert _body(style, on) == _body(USUAL, on)
    assert _body(style, (DND, OFF)) == _body(USUAL, (DND, OFF))


def test_boundary_is_quoted_only_where_a_phone_wants_it() -> None:
    """Liblinphone crashes on quotes; the parts are the same."""
    documents = ((DND, ON), (CFA, OFF))
    quoted, body = render(documents, "alice", BodyStyle(quoted_boundary=True))
    assert quoted == b'multipart/mixed;boundary="dfks"'
    assert len(split(quoted.decode(), body)) == 2
    assert render(documents, "alice") == (b"multipart/mixed;boundary=dfks", body)
