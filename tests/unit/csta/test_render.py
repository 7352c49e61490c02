"""Bodies that phones are told, read back by an XML library that has no part in making them."""

import pytest
from lxml import etree

from dfks_rules.csta.multipart import split
from dfks_rules.csta.names import CONTENT_TYPE, NAMESPACE
from dfks_rules.csta.render import Document, content, render
from dfks_rules.csta.style import BodyStyle, Encoding
from dfks_rules.model.features import OFF, Feature, FeatureState
from tests.helpers.states import TOLD, agent, forwarding

DND = Feature.DO_NOT_DISTURB
CFA = Feature.CALL_FORWARDING_ALWAYS
CFNA = Feature.CALL_FORWARDING_NO_ANSWER
AGENT = Feature.AGENT_STATE


def _read(body: bytes) -> tuple[str, list[tuple[str, str | None]]]:
    """Root and children of a document, by their names in the CSTA namespace."""
    root = etree.fromstring(body)
    assert all(element.tag.startswith(f"{{{NAMESPACE}}}") for element in root.iter())
    return etree.QName(root).localname, [(etree.QName(c).localname, c.text) for c in root]


def test_render_gives_one_document_as_it_is() -> None:
    """Exactly these bytes were seen to work: declaration, namespace, nothing superfluous."""
    assert render(((DND, FeatureState(True)),), "alice") == (
        b"application/x-as-feature-event+xml",
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\r\n'
        b'<DoNotDisturbEvent xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">'
        b"<device>alice</device><doNotDisturbOn>true</doNotDisturbOn></DoNotDisturbEvent>",
    )


FORWARDING: list[tuple[Document, list[tuple[str, str]]]] = [
    (
        (CFA, forwarding(True, "2424", 4)),
        [("forwardingType", "forwardImmediate"), ("forwardStatus", "true"), ("forwardTo", "2424")],
    ),
    (
        (Feature.CALL_FORWARDING_BUSY, forwarding(False, "2424")),
        [("forwardingType", "forwardBusy"), ("forwardStatus", "false"), ("forwardTo", "2424")],
    ),
    (
        (CFNA, forwarding(True, "2424", 4)),
        [
            ("forwardingType", "forwardNoAns"),
            ("forwardStatus", "true"),
            ("forwardTo", "2424"),
            ("ringCount", "4"),
        ],
    ),
    ((CFNA, OFF), [("forwardingType", "forwardNoAns"), ("forwardStatus", "false")]),
]


@pytest.mark.parametrize(("document", "children"), FORWARDING)
def test_render_tells_what_is_known_of_a_forwarding_and_nothing_else(
    document: Document, children: list[tuple[str, str]]
) -> None:
    """A `ringCount` is of CallForwardingNoAnswer only; what was never said is left out."""
    _, body = render((document,), "alice")
    assert _read(body) == ("ForwardingEvent", [("device", "alice"), *children])


def test_render_puts_several_documents_into_a_multipart_in_their_order() -> None:
    """Phones read the first of concatenated documents only, and expect DND first."""
    content_type, body = render(tuple((feature, OFF) for feature in reversed(TOLD)), "alice")
    assert content_type == b"multipart/mixed;boundary=dfks"
    parts = split(content_type.decode(), body)
    assert [part_type for part_type, _ in parts] == [CONTENT_TYPE] * len(TOLD)
    assert [dict(_read(part)[1]).get("forwardingType") for _, part in parts] == [
        None, "forwardImmediate", "forwardBusy", "forwardNoAns",
    ]  # fmt: skip
    assert b"\n" not in body.replace(b"\r\n", b"")


def test_render_finds_a_boundary_that_the_values_do_not_hold() -> None:
    """A user who calls his device like the boundary must not break the NOTIFY of anybody."""
    content_type, body = render(((DND, OFF), (CFA, OFF)), "--dfks")
    assert len(split(content_type.decode(), body)) == 2
    assert content_type == b"multipart/mixed;boundary=dfks1"


@pytest.mark.parametrize(
    "text", ["a&b<c>d\"e'f", "]]>", "a\r\nb\tc", " a ", "Büro", "\x85", "☎ 24"]
)
def test_render_writes_any_text_so_that_it_is_read_back(text: str) -> None:
    """Values pasted unescaped into XML crash phones."""
    _, body = render(((CFA, forwarding(True, text)),), text)
    children = dict(_read(body)[1])
    assert (children["device"], children["forwardTo"]) == (text, text)


@pytest.mark.parametrize(("text", "encoding"), [("Büro", "ISO-8859-1"), ("☎", "UTF-8")])
def test_render_declares_the_encoding_that_it_uses(text: str, encoding: str) -> None:
    """ISO-8859-1 is what phones know best; UTF-8 where that does not suffice."""
    _, body = render(((DND, OFF),), text)
    assert body.startswith(f'<?xml version="1.0" encoding="{encoding}"?>'.encode())
    assert text in body.decode(encoding)


@pytest.mark.parametrize("text", ["\0", "\x1b", "\ud800", "\ufffe"])
def test_render_replaces_what_xml_cannot_carry(text: str) -> None:
    """No text that got into the store may make every NOTIFY unreadable."""
    _, body = render(((DND, OFF),), f"a{text}b")
    assert dict(_read(body)[1])["device"] == "a?b"


@pytest.mark.parametrize(
    ("state", "root"),
    [
        (agent("ready"), "AgentReadyEvent"),
        (agent("notReady"), "AgentNotReadyEvent"),
        (agent("workingAfterCall"), "AgentWorkingAfterCallEvent"),
        (agent("loggedOn"), "AgentLoggedOnEvent"),
        (agent("loggedOff"), "AgentLoggedOffEvent"),
        (OFF, "AgentLoggedOffEvent"),
        (FeatureState(status=True), "AgentReadyEvent"),
    ],
)
def test_the_root_tells_the_state_of_an_agent(state: FeatureState, root: str) -> None:
    """Phones read nothing else; of whom nothing is known is not logged on."""
    _, body = render(((AGENT, state),), "alice")
    assert _read(body) == (root, [("agentDevice", "alice")])


def test_a_reason_is_written_as_phones_look_for_it() -> None:
    """AudioCodes' Web SDK looks for `pri:AgentNotReadyReasonValue` in `private`, by that prefix."""
    _, body = render(((AGENT, agent("notReady", "47<11", "10")),), "alice")
    assert body.endswith(
        b"<agentDevice>alice</agentDevice><agentID>47&lt;11</agentID>"
        b"<extensions><privateData>"
        b'<private xmlns:pri="http://schema.broadsoft.com/CSTAPrivateData">'
        b"<pri:AgentNotReadyReasonValue>10</pri:AgentNotReadyReasonValue></private>"
        b"</privateData></extensions></AgentNotReadyEvent>"
    )
    assert etree.fromstring(body) is not None


@pytest.mark.parametrize("device", ["", "alice", "bob", "a&b", "Büro", "☎", "x-dfks1", "carol"])
@pytest.mark.parametrize("state", [OFF, FeatureState(status=True), forwarding(True, "2424")])
@pytest.mark.parametrize("style", [BodyStyle(), BodyStyle(encoding=Encoding.UTF_8)])
def test_what_is_put_together_from_pieces_is_what_render_gives(
    device: str, state: FeatureState, style: BodyStyle
) -> None:
    """Also for the second device of a length."""
    for documents in (((CFA, state),), tuple((feature, state) for feature in TOLD)):
        content_type, body = render(documents, device, style)
        assert content(documents, device, style) == (
            b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)
        )
