"""Bodies of phones: what is understood, and what is refused."""

import pytest

from dfks_rules.csta.parse import MAX_BODY, parse, read_value
from dfks_rules.csta.xml import MAX_DEPTH, MAX_ELEMENTS, MAX_QUOTED
from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import MAX_TEXT, Choice, Value
from tests.helpers.states import agent, forwarding

TYPE = "application/x-as-feature-event+xml"
NS = 'xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"'
DND = Feature.DO_NOT_DISTURB
CFA = Feature.CALL_FORWARDING_ALWAYS
CFB = Feature.CALL_FORWARDING_BUSY
CFNA = Feature.CALL_FORWARDING_NO_ANSWER
AGENT = Feature.AGENT_STATE


def _dnd(children: str) -> bytes:
    return f"<SetDoNotDisturb {NS}>{children}</SetDoNotDisturb>".encode()


def _forwarding(children: str, kind: str = "forwardNoAns") -> bytes:
    return (
        f"<SetForwarding {NS}><forwardingType>{kind}</forwardingType>{children}</SetForwarding>"
    ).encode()


def _agent(children: str) -> bytes:
    return f"<SetAgentState {NS}>{children}</SetAgentState>".encode()


def _reason(text: str) -> str:
    """As BroadSoft nests it."""
    return (
        '<extensions>\r\n<privateData><private xmlns:pri="http://schema.broadsoft.com/CSTAPrivateData">'
        f"<pri:AgentNotReadyReasonValue>{text}</pri:AgentNotReadyReasonValue></private>"
        "</privateData></extensions>"
    )


def _refusal(body: bytes, content_type: str = TYPE) -> MalformedMessageError:
    with pytest.raises(MalformedMessageError) as raised:
        parse(content_type, body)
    return raised.value


OBSERVED = {
    "AudioCodes' Web SDK says why its agent is not ready": (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\r\n'
        + _agent(
            "\r\n<device></device>\r\n<requestedAgentState>notReady</requestedAgentState>\r\n"
            + _reason("10")
            + "\r\n<agentID></agentID>\r\n<password></password>\r\n"
        ),
        Asked(AGENT, agent("notReady", reason="10")),
    ),
    "an agent who gives an id is ready": (
        _agent(
            "<device>2001</device><requestedAgentState>ready</requestedAgentState>"
            "<agentID>4711</agentID>"
        ),
        Asked(AGENT, agent("ready", "4711"), "2001"),
    ),
    "the word for a state is in another case": (
        _agent("<requestedAgentState> WORKINGAFTERCALL </requestedAgentState>"),
        Asked(AGENT, agent("workingAfterCall")),
    ),
    "DND goes on with a newline before the declaration and an empty device": (
        b'\n<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<SetDoNotDisturb " + NS.encode() + b">\n  <device></device>\n"
        b"  <doNotDisturbOn>true</doNotDisturbOn>\n</SetDoNotDisturb>\n",
        Asked(DND, FeatureState(True)),
    ),
    "Polycom VVX turns forwarding off with an empty forwardDN": (
        _forwarding("<device/><forwardDN/><activateForward>false</activateForward>"),
        Asked(CFNA, FeatureState(False)),
    ),
    "the device is digits and lines end in CRLF": (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\r\n'
        + _dnd("\r\n<device>2001</device>\r\n<doNotDisturbOn>false</doNotDisturbOn>\r\n"),
        Asked(DND, FeatureState(False), "2001"),
    ),
    "the target is kept while forwarding goes off": (
        _forwarding("<activateForward>false</activateForward><forwardDN>2424</forwardDN>"),
        Asked(CFNA, forwarding(False, "2424")),
    ),
    "device and target are SIP URIs": (
        _forwarding(
            "<device>sip:alice@example.com</device><forwardDN>sip:2424@example.com</forwardDN>"
            "<activateForward>true</activateForward>",
            "forwardImmediate",
        ),
        Asked(CFA, forwarding(True, "sip:2424@example.com"), "sip:alice@example.com"),
    ),
    "the device is not known, the target a tel URI, ringCount empty": (
        _forwarding(
            "<device><notKnown/></device><forwardDN>tel:+492424</forwardDN>"
            "<activateForward>1</activateForward><ringCount/>"
        ),
        Asked(CFNA, forwarding(True, "tel:+492424")),
    ),
    "names are prefixed, children in another order, device left out": (
        b'<c:SetForwarding xmlns:c="urn:x"><c:activateForward>true</c:activateForward>'
        b"<c:ringCount>4</c:ringCount><c:forwardingType>forwardNoAns</c:forwardingType>"
        b"<c:forwardDN>2424</c:forwardDN></c:SetForwarding>",
        Asked(CFNA, forwarding(True, "2424", 4)),
    ),
    "quotes are single and the namespace lacks its hyphen": (
        b"<?xml version='1.0' encoding='utf-8'?><SetDoNotDisturb xmlns='http://www.ecmainternational"
        b".org/standards/ecma-323/csta/ed3'><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>",
        Asked(DND, FeatureState(True)),
    ),
}


@pytest.mark.parametrize("shape", OBSERVED)
def test_parser_understands_a_body_in_which(shape: str) -> None:
    """Shapes that phones were seen to send (docs/reference/bodies.md)."""
    body, asked = OBSERVED[shape]
    assert parse(TYPE, body) == [asked]


@pytest.mark.parametrize(
    ("kind", "feature"),
    [
        ("forwardImmediate", CFA),
        ("forwardBusy", CFB),
        ("forwardNoAns", CFNA),
        (" forwardBusy\n", CFB),
    ],
)
def test_parser_tells_features_apart_by_forwarding_type(kind: str, feature: Feature) -> None:
    """One root serves three features."""
    [asked] = parse(TYPE, _forwarding("<activateForward>true</activateForward>", kind))
    assert asked == Asked(feature, FeatureState(True))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        *[(text, True) for text in ("true", "1", "TRUE", " True\r\n")],
        *[(text, False) for text in ("false", "0", "False", "\tFALSE ")],
    ],
)
def test_parser_reads_a_boolean_of_any_case_within_white_space(text: str, status: bool) -> None:
    """All forms of XML Schema, and the capitals of some phones."""
    [asked] = parse(TYPE, _dnd(f"<doNotDisturbOn>{text}</doNotDisturbOn>"))
    assert asked.state == FeatureState(status)


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        (b'<?xml version="1.0"?>', "Büro".encode()),
        (b"", "Büro".encode()),
        (b"\xef\xbb\xbf", "Büro".encode()),
        (b"\xef\xbb\xbf\r\n<?xml version='1.0' encoding='ISO-8859-1'?>", "Büro".encode()),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>', "Büro".encode("latin-1")),
        (b'<?xml version="1.0" encoding="iso-8859-1" standalone="yes"?>', "Büro".encode("latin-1")),
        (b'<?xml version="1.0" encoding="US-ASCII"?>', b"B&#252;ro"),
    ],
)
def test_parser_reads_the_encodings_that_phones_use(prefix: bytes, text: bytes) -> None:
    """A byte order mark wins over the declaration (XML 1.0 appendix F)."""
    body = _dnd("<device>HERE</device><doNotDisturbOn>1</doNotDisturbOn>").replace(b"HERE", text)
    assert parse(TYPE, prefix + body)[0].device == "Büro"


@pytest.mark.parametrize(
    "content_type",
    [TYPE, TYPE.upper(), f"{TYPE};charset=utf-8", f" {TYPE} ; version=1 "],
)
def test_parser_takes_its_content_type_in_any_case_with_parameters(content_type: str) -> None:
    """Types are compared without case, and parameters do not matter (RFC 3261 §7.3.1)."""
    assert parse(content_type, _dnd("<doNotDisturbOn>1</doNotDisturbOn>"))


@pytest.mark.parametrize(
    "device", ["", "<device/>", "<device> </device>", "<device>a<b/>c</device>"]
)
def test_parser_takes_a_device_without_text_for_not_said(device: str) -> None:
    """Requests are answered with the device that the phone names, if it names one."""
    assert parse(TYPE, _dnd(device + "<doNotDisturbOn>1</doNotDisturbOn>"))[0].device is None


def test_parser_ignores_a_ring_count_of_a_feature_that_has_none() -> None:
    """Some phones send one with every kind of forwarding, also a senseless one."""
    body = _forwarding(
        "<activateForward>1</activateForward><ringCount>0</ringCount>", "forwardBusy"
    )
    assert parse(TYPE, body)[0].state == FeatureState(True)


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("100", 100), (" 05 ", 5)])
def test_parser_reads_ring_counts_within_range(text: str, count: int) -> None:
    """ECMA-323: 1 to 100."""
    body = _forwarding(f"<activateForward>1</activateForward><ringCount>{text}</ringCount>")
    assert parse(TYPE, body)[0].state.value(Value.RING_COUNT) == count


def test_parser_passes_over_comments_instructions_and_unknown_elements() -> None:
    """What is not known is not an error (extensions of CSTA), and is not shown to anybody."""
    body = _dnd(
        "<!-- a --><?b c?><extensions><doNotDisturbOn>0</doNotDisturbOn></extensions>"
        "<doNotDisturbOn>t<!-- d -->rue</doNotDisturbOn>"
        "<doNotDisturbOn><![CDATA[true]]></doNotDisturbOn>"
    )
    assert parse(TYPE, body)[0].state.status is True


def test_parser_decodes_escaped_text() -> None:
    """Predefined entities and character references need no DTD."""
    body = _dnd("<device>a&amp;b&#x26;c</device><doNotDisturbOn>1</doNotDisturbOn>")
    assert parse(TYPE, body)[0].device == "a&b&c"


def test_parser_reads_all_documents_of_a_multipart_in_order() -> None:
    """Rare, but seen: a phone that sends several sets at once, with and without part headers."""
    body = (
        b"--x\r\nContent-Type: " + TYPE.encode() + b"\r\n\r\n"
        b"<?xml version='1.0'?>" + _dnd("<doNotDisturbOn>1</doNotDisturbOn>") + b"\r\n--x\r\n\r\n"
        + _forwarding("<activateForward>0</activateForward>", "forwardBusy") + b"\r\n--x--\r\n"
    )  # fmt: skip
    assert parse('multipart/mixed; boundary="x"', body) == [
        Asked(DND, FeatureState(True)),
        Asked(CFB, FeatureState(False)),
    ]


ON = "<doNotDisturbOn>true</doNotDisturbOn>"
NOT_READY = "<requestedAgentState>notReady</requestedAgentState>"
FORWARD_ON = "<activateForward>true</activateForward>"

REFUSED = {
    "an empty body": (b"", "csta_malformed"),
    "white space only": (b" \r\n", "csta_malformed"),
    "what is not XML": (b"DND=on", "csta_malformed"),
    "a document cut short": (_dnd(ON)[:-3], "csta_malformed"),
    "something after the root": (_dnd(ON) + b"<x/>", "csta_malformed"),
    "a null byte": (_dnd(ON.replace("true", "true\0")), "csta_malformed"),
    "bytes that are not UTF-8": (_dnd(ON).replace(b"true", b"\xff"), "csta_malformed"),
    "a DTD": (b"<!DOCTYPE SetDoNotDisturb>" + _dnd(ON), "csta_malformed"),
    "entities": (b'<!DOCTYPE a [<!ENTITY b "true">]>' + _dnd(ON), "csta_malformed"),
    "an entity nobody declared": (_dnd(ON.replace("true", "&yes;")), "csta_malformed"),
    "UTF-16": (_dnd(ON).decode().encode("utf-16"), "csta_malformed"),
    "UTF-16 without byte order mark": (_dnd(ON).decode().encode("utf-16-be"), "csta_malformed"),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>' + _dnd(ON), "csta_unsupported_encoding"),
    "EBCDIC": (b"<?xml version='1.0' encoding='cp037'?>" + _dnd(ON), "csta_unsupported_encoding"),
    "a request nobody knows": (b"<SetAgentStates/>", "csta_unknown_root"),
    "an agent without a state": (_agent("<agentID>4711</agentID>"), "csta_missing_status"),
    "an agent's state nobody knows": (
        _agent("<requestedAgentState>busy</requestedAgentState>"),
        "csta_bad_value",
    ),
    "two reasons": (_agent(f"{NOT_READY}{_reason('1')}{_reason('2')}"), "csta_bad_value"),
    "an event": (b"<DoNotDisturbEvent/>", "csta_unknown_root"),
    "no status": (_dnd("<device/>"), "csta_missing_status"),
    "an empty status": (_dnd("<doNotDisturbOn/>"), "csta_missing_status"),
    "the status of another request": (_dnd(FORWARD_ON), "csta_missing_status"),
    "a status that is nested deeper": (_dnd(f"<x>{ON}</x>"), "csta_missing_status"),
    "a status that is no boolean": (_dnd("<doNotDisturbOn>on</doNotDisturbOn>"), "csta_bad_value"),
    "two statuses": (_dnd(ON + ON.replace("true", "false")), "csta_bad_value"),
    "two targets": (
        _forwarding(FORWARD_ON + "<forwardDN>1</forwardDN><forwardDN>2</forwardDN>"),
        "csta_bad_value",
    ),
    "an unknown forwarding type": (
        _forwarding(FORWARD_ON, "forwardDND"),
        "csta_unknown_forwarding_type",
    ),
    "no forwarding type": (
        b"<SetForwarding>" + FORWARD_ON.encode() + b"</SetForwarding>",
        "csta_unknown_forwarding_type",
    ),
    "a control character in a target": (
        _forwarding(FORWARD_ON + "<forwardDN>24\n24</forwardDN>"),
        "csta_bad_value",
    ),
    "a control character in a device": (_dnd(f"<device>a&#x85;b</device>{ON}"), "csta_bad_value"),
    "a target that is too long": (
        _forwarding(f"{FORWARD_ON}<forwardDN>{'1' * (MAX_TEXT + 1)}</forwardDN>"),
        "csta_bad_value",
    ),
    "a body that is too large": (_dnd(ON).ljust(MAX_BODY + 1), "csta_too_large"),
    "elements that are too deep": (
        _dnd(ON + "<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH),
        "csta_too_deep",
    ),
    "too many elements": (_dnd(ON + "<x/>" * MAX_ELEMENTS), "csta_too_large"),
}  # fmt: skip
REFUSED |= {
    f"a ring count of {count!r}": (
        _forwarding(f"{FORWARD_ON}<ringCount>{count}</ringCount>"),
        "csta_bad_value",
    )
    for count in ("0", "101", "-4", "+4", "4.0", "four", "1_0", "٤", "9" * 5000)
}


@pytest.mark.parametrize("what", REFUSED)
def test_parser_refuses(what: str) -> None:
    """Each refusal has its code, and a line that can be told to the phone."""
    body, code = REFUSED[what]
    error = _refusal(body)
    assert error.code == code
    assert error.message
    assert error.message.isascii()
    assert error.message.isprintable()
    assert len(error.message) < 120


def test_parser_takes_a_body_at_each_limit() -> None:
    """A limit is the largest that is taken."""
    text = f"<device>{'1' * MAX_TEXT}</device>" + "<x>" * (MAX_DEPTH - 1) + "</x>" * (MAX_DEPTH - 1)
    body = _dnd(text + ON + "<x/>" * (MAX_ELEMENTS - MAX_DEPTH - 2)).ljust(MAX_BODY)
    assert parse(TYPE, body) == [Asked(DND, FeatureState(True), "1" * MAX_TEXT)]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/sdp", "multipart/related;boundary=x", "garbage"]
)
def test_parser_refuses_another_content_type(content_type: str) -> None:
    """Answered with 415; Accept says what would be understood."""
    assert _refusal(_dnd(ON), content_type).code == "csta_unsupported_type"


@pytest.mark.parametrize("part_type", [b"application/sdp", b"multipart/mixed;boundary=y"])
def test_parser_refuses_a_part_of_another_type(part_type: bytes) -> None:
    """No part is passed over in silence, and multiparts do not nest."""
    body = b"--x\r\nContent-Type: " + part_type + b"\r\n\r\n<a/>\r\n--x--"
    assert _refusal(body, "multipart/mixed;boundary=x").code == "csta_unsupported_type"


def test_parser_refuses_a_multipart_without_parts() -> None:
    """It asks for nothing: that is not a refresh, which has no body."""
    assert _refusal(b"--x--", "multipart/mixed;boundary=x").code == "csta_malformed"


def test_parser_never_reads_a_doctype_by_another_encoding() -> None:
    """Bytes that spell a DTD in EBCDIC stay what they are in the declared encoding."""
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>'
    assert _refusal(declaration + "<!DOCTYPE a><a/>".encode("cp037")).code == "csta_malformed"


def test_refusal_repeats_little_of_what_the_peer_sent_and_nothing_harmful() -> None:
    """The message goes into a reason phrase or a quoted Warning text."""
    message = _refusal(_dnd(f'<doNotDisturbOn>"\\é{"y" * 500}</doNotDisturbOn>')).message
    assert message == f"doNotDisturbOn: `{'y' * (MAX_QUOTED - 3)}` is not true or false"


def test_a_value_is_one_of_its_words() -> None:
    """In the case in which they stand in the table, as the standard has them."""
    state = Choice(("ready", "notReady"))
    assert read_value(state, "state", "notReady") == "notReady"
    with pytest.raises(MalformedMessageError) as refused:
        read_value(state, "state", "away")
    assert refused.value.message == "state: `away` is not one of ready, notReady"


def test_a_reason_counts_only_where_it_belongs() -> None:
    """An element of that name in another place is somebody else's."""
    stray = "<AgentNotReadyReasonValue>1</AgentNotReadyReasonValue>"
    for children in (stray, f"<extensions>{stray}</extensions>", f"<private>{stray}</private>"):
        (asked,) = parse(TYPE, _agent(f"{NOT_READY}{children}"))
        assert asked.state == agent("notReady")


@pytest.mark.parametrize("word", ["ready", "notReady", "workingAfterCall", "loggedOff", "loggedOn"])
def test_an_agent_is_on_only_when_ready(word: str) -> None:
    """Status and word agree from the first moment."""
    (asked,) = parse(TYPE, _agent(f"<requestedAgentState>{word}</requestedAgentState>"))
    assert asked.state == agent(word, status=word == "ready")


def test_a_refused_state_is_told_which_there_are() -> None:
    """The phone's administrator reads it in a trace."""
    message = _refusal(_agent("<requestedAgentState>busy</requestedAgentState>")).message
    words = "ready, notReady, workingAfterCall, loggedOff or loggedOn"
    assert message == f"requestedAgentState: `busy` is not {words}"


def test_a_root_that_is_named_like_a_child_is_an_unknown_request() -> None:
    """Its text is nobody's device."""
    assert _refusal(b"<device>a<!-- --></device>").code == "csta_unknown_root"
