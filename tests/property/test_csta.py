"""Bodies: what holds for all of them."""

import contextlib
from typing import cast
from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dfks_rules.csta.multipart import split
from dfks_rules.csta.names import ACCEPT, CONTENT_TYPE, NAMESPACE
from dfks_rules.csta.parse import parse
from dfks_rules.csta.render import content, render
from dfks_rules.csta.style import BodyStyle, Encoding, OffNumber
from dfks_rules.csta.xml import read
from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.features import FEATURES, Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Choice, Value
from tests.helpers.states import agent, forwarding

STYLES = [
    BodyStyle(),
    BodyStyle(OffNumber.EMPTY, quoted_boundary=True),
    BodyStyle(encoding=Encoding.UTF_8),
]
AGENT_STATES = cast(Choice, Value.STATE.kind).words
# XML 1.0 §2.2, production Char.
xml_text = st.text(
    st.one_of(
        st.sampled_from("\t\n\r&<>\"'dfks-\x7f\x85"),
        st.characters(
            min_codepoint=0x20, exclude_characters="\ufffe\uffff", exclude_categories=["Cs"]
        ),
    ),
    max_size=40,
)
any_text = st.text(st.characters(codec=None), max_size=40)
# What a phone may say: no control characters, no white space around it.
plain_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40
)
ring_counts = st.one_of(st.none(), st.integers(1, 100))
targets = st.one_of(st.none(), plain_text)

_DOCUMENT = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<c:SetForwarding xmlns:c="urn:x"><device>a</device>'
    b"<forwardDN>2424</forwardDN><forwardingType>forwardNoAns</forwardingType>"
    b"<activateForward>true</activateForward><ringCount>4</ringCount></c:SetForwarding>"
)
_AGENT = (
    b'<SetAgentState xmlns="urn:x"><device/><requestedAgentState>notReady</requestedAgentState>'
    b'<extensions><privateData><private xmlns:pri="urn:y"><pri:AgentNotReadyReasonValue>1'
    b"</pri:AgentNotReadyReasonValue></private></privateData></extensions>"
    b"<agentID>4711</agentID></SetAgentState>"
)
_MULTIPART = (
    b"--x\r\nContent-Type: " + CONTENT_TYPE.encode() + b"\r\n\r\n" + _DOCUMENT + b"\r\n--x--"
)
_PIECES = [b"<", b">", b"&", b"\0", b"\xff", b"<!DOCTYPE a>", b"--x", b"<![CDATA[", b"&#0;", b"<a>"]

states = st.builds(forwarding, st.booleans(), st.one_of(st.none(), xml_text), ring_counts)
agents = st.builds(
    agent, st.sampled_from([None, *AGENT_STATES]), st.none() | xml_text, st.none() | xml_text
)
documents = st.lists(
    st.sampled_from(FEATURES).flatmap(
        lambda one: st.tuples(st.just(one), agents if one is Feature.AGENT_STATE else states)
    ),
    min_size=1,
    unique_by=lambda document: document[0],
)


def _told(body: bytes) -> dict[str, str]:
    return {etree.QName(child).localname: child.text or "" for child in etree.fromstring(body)}


@given(documents, xml_text)
def test_an_xml_library_reads_back_whatever_was_rendered(
    told: list[tuple[Feature, FeatureState]], device: str
) -> None:
    """No value of any user may make a body that a phone cannot read."""
    content_type, body = render(tuple(told), device)
    bodies = [body] if len(told) == 1 else [part for _, part in split(content_type.decode(), body)]
    ordered = sorted(told, key=lambda document: FEATURES.index(document[0]))
    for (feature, state), said in zip(ordered, map(_told, bodies), strict=True):
        if feature is Feature.AGENT_STATE:
            assert said["agentDevice"] == device
            assert said.get("agentID") == state.value(Value.AGENT_ID)
            continue
        forwarded = feature is not Feature.DO_NOT_DISTURB
        counted = (
            feature is Feature.CALL_FORWARDING_NO_ANSWER
            and state.value(Value.RING_COUNT) is not None
        )
        assert said["device"] == device
        assert said["forwardStatus" if forwarded else "doNotDisturbOn"] == str(state.status).lower()
        assert said.get("forwardTo") == (state.value(Value.FORWARD_TO) if forwarded else None)
        assert said.get("ringCount") == (str(state.value(Value.RING_COUNT)) if counted else None)


@given(documents, xml_text | st.text("abc019.-+", min_size=1), st.sampled_from(STYLES))
def test_what_is_put_together_from_pieces_is_what_is_rendered(
    told: list[tuple[Feature, FeatureState]], device: str, style: BodyStyle
) -> None:
    """Whoever is the first with a device of that length."""
    bare = tuple((feature, state._replace(values=())) for feature, state in told)
    for said in (tuple(told), bare):
        content_type, body = render(said, device, style)
        head = b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (content_type, len(body))
        assert content(said, device, style) == head + body


@given(any_text)
def test_text_that_xml_cannot_carry_still_makes_a_readable_body(device: str) -> None:
    """Surrogates, controls and noncharacters become question marks, one for one."""
    _, body = render(((Feature.DO_NOT_DISTURB, FeatureState()),), device)
    assert len(_told(body)["device"]) == len(device)


@given(
    st.booleans(),
    targets,
    ring_counts,
    targets,
    st.permutations(range(5)),
    st.sampled_from(["", "p:"]),
)
def test_a_request_means_the_same_in_every_order_of_its_children(
    status: bool,
    target: str | None,
    count: int | None,
    device: str | None,
    order: list[int],
    prefix: str,
) -> None:
    """Phones order them as they like."""
    values = {
        "device": device, "forwardDN": target, "forwardingType": "forwardNoAns",
        "activateForward": str(status), "ringCount": None if count is None else str(count),
    }  # fmt: skip
    children = [f"<{name}>{escape(value or '')}</{name}>" for name, value in values.items()]
    body = (
        f'<{prefix}SetForwarding xmlns:p="{NAMESPACE}">'
        f"{''.join(children[position] for position in order)}</{prefix}SetForwarding>"
    )
    state = forwarding(status, target, count)
    assert parse(CONTENT_TYPE, body.encode()) == [
        Asked(Feature.CALL_FORWARDING_NO_ANSWER, state, device)
    ]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good body in which some pieces were replaced."""
    body = draw(st.sampled_from([_DOCUMENT, _AGENT, _MULTIPART]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 20))
        body = body[:start] + draw(st.sampled_from(_PIECES) | st.binary(max_size=8)) + body[end:]
    return body


@given(
    st.sampled_from([CONTENT_TYPE, 'multipart/mixed;boundary="x"', ACCEPT]) | any_text,
    st.binary(max_size=200) | mutated(),
)
def test_parse_raises_nothing_but_malformed_message(content_type: str, body: bytes) -> None:
    """Anything else would be a crash that a peer can cause."""
    with contextlib.suppress(MalformedMessageError):
        assert parse(content_type, body)


_names = st.sampled_from(["device", "forwardDN", "c:forwardDN", "ringCount", "x", "a:b:c", "1"])
_texts = st.text(
    st.sampled_from("a1 \t\r\n<>&;]\"'/\x00\x7f\x85\xe9") | st.characters(max_codepoint=0x2FF),
    max_size=6,
)
_spaces = st.text(st.sampled_from(" \t\r\n"), max_size=2)
_declarations = st.sampled_from(
    [
        "",
        '<?xml version="1.0"?>',
        "<?xml version='1.0' encoding='us-ascii' ?>",
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        "<?xml version='1.0\" encoding='UTF-8\"?>",
        '<?xml version="1.1"?>',
    ]
)
_attributes = st.sampled_from(["", ' xmlns="u"', " xmlns:c='u'", ' xmlns=""', ' xmlns="<"', " a=1"])


@st.composite
def flat_documents(draw: st.DrawFn) -> bytes:
    """Documents of the usual shape, or nearly so."""
    body = draw(_spaces) + draw(_declarations) + draw(_spaces)
    root = draw(_names)
    body += f"<{root}{draw(_attributes)}>"
    for name in draw(st.lists(_names, max_size=4)):
        text = draw(_texts)
        body += draw(_spaces) + (f"<{name}>{text}</{name}>" if text else f"<{name}/>")
    body += draw(_spaces) + f"</{draw(st.sampled_from([root, root, 'x']))}>" + draw(_spaces)
    return body.encode(draw(st.sampled_from(["utf-8", "latin-1"])), errors="replace")


def _read_or_refused(body: bytes) -> object:
    try:
        return read(body)
    except MalformedMessageError as error:
        return error.code


@given(flat_documents() | mutated())
def test_a_document_of_the_usual_shape_reads_as_expat_reads_it(body: bytes) -> None:
    """The expression that is faster than expat must not understand anything else than expat."""
    # A comment is not of the shape, so expat reads this one; it says nothing.
    assert _read_or_refused(body) == _read_or_refused(body + b"<!-- -->")


@given(
    st.sampled_from(AGENT_STATES),
    targets,
    targets,
    st.permutations(range(4)),
    st.sampled_from(["", "p:"]),
)
def test_an_agents_request_means_the_same_in_every_order_of_its_children(
    word: str, agent_id: str | None, reason: str | None, order: list[int], prefix: str
) -> None:
    """The reason stands before the agent's id with some phones."""
    name = f"{prefix}AgentNotReadyReasonValue"
    nested = f"<{name}>{escape(reason or '')}</{name}>"
    children = [
        "<device/>",
        f"<requestedAgentState>{word}</requestedAgentState>",
        f"<agentID>{escape(agent_id or '')}</agentID>",
        f"<extensions><privateData><private>{nested}</private></privateData></extensions>",
    ]
    inner = "".join(children[position] for position in order)
    body = f'<SetAgentState xmlns:p="{NAMESPACE}">{inner}</SetAgentState>'
    assert parse(CONTENT_TYPE, body.encode()) == [
        Asked(Feature.AGENT_STATE, agent(word, agent_id, reason))
    ]
