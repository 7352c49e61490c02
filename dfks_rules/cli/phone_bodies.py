"""What `dfks phone` writes and reads in bodies: the side that the server does not play."""

from collections.abc import Iterator
from email import message_from_bytes
from typing import NamedTuple
from xml.sax.saxutils import escape

from lxml import etree

from dfks_rules.csta.names import FORWARDING_TYPE, NAMESPACE, TABLE, Saying, Words, markup
from dfks_rules.model.features import Feature
from dfks_rules.policy.words.wording import printable


class KeyPress(NamedTuple):
    """A key that is pressed."""

    feature: Feature
    status: str
    """`on`, `off`, or another word that the feature has for its status."""
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        values = "".join(f", {name} {value}" for name, value in self.values)
        return f"{self.feature.value} {self.status}{values}"


def parse_key_press(text: str) -> KeyPress:
    """Read `DoNotDisturb=on`, `CallForwardingNoAnswer=on,forwardTo=sip:bob@host,ringCount=4`, or
    `AgentState=notReady,reason=10`.

    Raises:
        ValueError: saying what is wrong.
    """
    head, *rest = text.split(",")
    name, _, status = head.partition("=")
    feature = next((one for one in Feature if one.value == name), None)
    if feature is None:
        raise ValueError(f"unknown feature `{name}`: {', '.join(one.value for one in Feature)}")
    words = tuple(_statuses(feature))
    if status not in words:
        *others, last = words
        raise ValueError(f"`{name}` must be {', '.join(others)} or {last}, not `{status}`")
    values = []
    takes = [one.value.value for one in _words(feature).elements]
    for item in rest:
        field, equals, value = item.partition("=")
        if field not in takes or not equals:
            known = " or ".join(f"{name}=…" for name in takes)
            raise ValueError(
                f"`{item}` is not {known}" if known else f"`{name}` takes no values, not `{item}`"
            )
        values.append((field, value))
    return KeyPress(feature, status, tuple(values))


def request_body(wish: KeyPress) -> bytes:
    """The document that asks for a wish."""
    words = _words(wish.feature)
    status = _statuses(wish.feature)[wish.status].request[0]
    inner = "<device/>"
    if words.forwarding_type is not None:
        inner += f"<{FORWARDING_TYPE}>{words.forwarding_type}</{FORWARDING_TYPE}>"
    inner += f"<{words.request_status}>{status}</{words.request_status}>"
    values = dict(wish.values)
    for value, name, _, namespace in words.elements:
        if value.value in values:
            inner += markup(name, namespace) % escape(values[value.value])
    root = words.request_root
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{inner}</{root}>'
    return text.encode()


def readable(content_type: str, body: bytes) -> list[str]:
    """One line for each document of a NOTIFY, as a person would say it; printable."""
    if not body:
        return ["(no body)"]
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = message.get_payload() if message.is_multipart() else [message]
    return [_line(part.get_payload(decode=True)) for part in parts]  # type: ignore[union-attr]


def _line(document: object) -> str:
    root = _parsed(document)
    if root is None:
        return "(a part that is not XML)"
    texts = dict(_texts(root))
    name = etree.QName(root).localname
    key = (name, texts.get(FORWARDING_TYPE))
    told = [
        (words, said)
        for words in TABLE
        for said in words.sayings
        if (said.event_root, words.forwarding_type) == key
    ]
    if not told:
        return f"(a part that tells no feature: {printable(name)})"
    # Whatever is not said to be on is off.
    words, said = next(
        (one for one in told if one[1].event == texts.get(one[0].event_status or "")), told[-1]
    )
    status = "on" if said.status else "off"
    values = [f"{value.value} {what}" for value, what in said.values]
    values += [
        f"{one.value.value} {texts[one.event]}" for one in words.elements if one.event in texts
    ]
    return printable("  ".join([f"{words.feature.value:<22} {status:<3}", *values]).rstrip())


def _texts(element: etree._Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Path of each element within another → its text."""
    for child in element.iterchildren("*"):
        here = path + etree.QName(child).localname
        yield here, child.text or ""
        yield from _texts(child, f"{here}/")


def _parsed(document: object) -> etree._Element | None:
    """The root of a document; None where a part holds none, e.g. because it has parts itself."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return etree.fromstring(document, parser) if isinstance(document, bytes) else None
    except etree.XMLSyntaxError:
        return None


def _statuses(feature: Feature) -> dict[str, Saying]:
    """What may be said of a status: `on`, `off`, and words of the feature's own."""
    sayings = _words(feature).sayings
    usual = {"on": True, "off": False}
    return {
        **{word: next(one for one in sayings if one.status is on) for word, on in usual.items()},
        **{str(word): one for one in sayings for _, word in one.values},
    }


def _words(feature: Feature) -> Words:
    return next(row for row in TABLE if row.feature is feature)
