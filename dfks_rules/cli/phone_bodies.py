"""What `dfks phone` writes and reads in bodies: the side that the server does not play."""

from email import message_from_bytes
from typing import NamedTuple
from xml.sax.saxutils import escape

from lxml import etree

from dfks_rules.csta.names import FORWARDING_TYPE, NAMESPACE, TABLE, Words
from dfks_rules.model.features import Feature
from dfks_rules.model.values import VALUES
from dfks_rules.policy.words.wording import printable

_VALUES = tuple(value.value for value in VALUES)


class KeyPress(NamedTuple):
    """A key that is pressed."""

    feature: Feature
    on: bool
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        values = "".join(f", {name} {value}" for name, value in self.values)
        return f"{self.feature.value} {'on' if self.on else 'off'}{values}"


def parse_key_press(text: str) -> KeyPress:
    """Read `DoNotDisturb=on` or `CallForwardingNoAnswer=on,forwardTo=sip:bob@host,ringCount=4`.

    Raises:
        ValueError: saying what is wrong.
    """
    head, *rest = text.split(",")
    name, _, status = head.partition("=")
    feature = next((one for one in Feature if one.value == name), None)
    if feature is None:
        raise ValueError(f"unknown feature `{name}`: {', '.join(one.value for one in Feature)}")
    if status not in ("on", "off"):
        raise ValueError(f"`{name}` must be on or off, not `{status}`")
    values = []
    for item in rest:
        field, equals, value = item.partition("=")
        if field not in _VALUES or not equals:
            raise ValueError(f"`{item}` is not {' or '.join(f'{name}=…' for name in _VALUES)}")
        values.append((field, value))
    return KeyPress(feature, status == "on", tuple(values))


def request_body(wish: KeyPress) -> bytes:
    """The document that asks for a wish."""
    words = _words(wish.feature)
    status = "true" if wish.on else "false"
    inner = "<device/>"
    if words.forwarding_type is not None:
        inner += f"<{FORWARDING_TYPE}>{words.forwarding_type}</{FORWARDING_TYPE}>"
    inner += f"<{words.request_status}>{status}</{words.request_status}>"
    values = dict(wish.values)
    for value, name, _ in words.elements:
        if value.value in values:
            inner += f"<{name}>{escape(values[value.value])}</{name}>"
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
    texts = {etree.QName(child).localname: child.text or "" for child in root.iterchildren("*")}
    key = (etree.QName(root).localname, texts.get(FORWARDING_TYPE))
    words = next((row for row in TABLE if (row.event_root, row.forwarding_type) == key), None)
    if words is None:
        return f"(a part that tells no feature: {printable(key[0])})"
    status = "on" if texts.get(words.event_status) == "true" else "off"
    values = [f"{value.value} {texts[name]}" for value, _, name in words.elements if name in texts]
    return printable("  ".join([f"{words.feature.value:<22} {status:<3}", *values]).rstrip())


def _parsed(document: object) -> etree._Element | None:
    """The root of a document; None where a part holds none, e.g. because it has parts itself."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return etree.fromstring(document, parser) if isinstance(document, bytes) else None
    except etree.XMLSyntaxError:
        return None


def _words(feature: Feature) -> Words:
    return next(row for row in TABLE if row.feature is feature)
