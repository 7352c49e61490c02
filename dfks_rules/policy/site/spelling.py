"""A forward target as phones and people write it → its parts, separated and normalised.

To hide a number, people disguise it with escapes, full-width digits, invisible characters or junk
between the digits. A PBX that strips junk still dials it, so everything that might be stripped is
stripped here; an ambiguous target gives `None`.
"""

import ipaddress
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

from dfks_rules.model.values import MAX_TEXT

_MAX_ESCAPED = 3
"""How many layers of escapes are undone; more layers than this can only hide something."""

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_NAME_ADDR = re.compile(r'(?:"(?:[^"\\]|\\.)*"\s*|[^"<>]*)<([^<>]*)>\s*(?:;[^<>]*)?')
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.+-]*):")
_SIP = ("sip", "sips")
_TEL = ("tel", "callto")
_NESTED = re.compile(r"\s*(?:sips?|tel|callto):", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]\s]+)(?::[0-9]*)?")
_PASSWORD = re.compile(r":.*", re.DOTALL)
_EMERGENCY = re.compile(r"urn:service:sos(?:\.[a-z0-9.-]+)?", re.IGNORECASE)


class Spelling(NamedTuple):
    """The parts of a target."""

    user: str
    """Who or what is called, unescaped."""
    host: str | None = None
    """The host, in lower case without port; None when not given."""
    context: str = ""
    """The `phone-context` parameter, when it is a prefix of an E.164 number."""
    tel: bool = False
    """Whether it is a `tel:` URI, which can only name numbers."""
    emergency: bool = False
    """Whether it names an emergency service (RFC 5031)."""


def read_spelling(text: str) -> Spelling | None:
    """The parts of a target, or None when it is malformed or ambiguous.

    Reference: RFC 3261 §19.1, RFC 3966, RFC 5031
    """
    if len(text) > MAX_TEXT:
        return None
    plain = _plain(text)
    if plain is None:
        return None
    if "<" in text:
        inner = _NAME_ADDR.fullmatch(plain)
        if inner is None:
            return None
        plain = inner[1].strip()
    # An escaped bracket is not part of a name-addr, but of a header that may lead elsewhere.
    return None if "<" in plain or ">" in plain else _address(plain)


def _plain(text: str) -> str | None:
    """The text without escapes, look-alikes of digits and invisible characters."""
    for _ in range(_MAX_ESCAPED):
        text = unquote(text)
    if _ESCAPE.search(text):
        return None
    if text.isascii() and text.isprintable():
        return text.strip()
    letters = []
    for char in unicodedata.normalize("NFKC", text):
        digit = unicodedata.digit(char, None)
        category = unicodedata.category(char)
        if digit is not None:
            letters.append(str(digit))
        elif category in ("Pd", "Zs") or char in "\t\r\n\u2212":
            letters.append("-" if category in ("Pd", "Sm") else " ")
        elif category[0] != "C":  # controls and invisible characters
            letters.append(char)
    return "".join(letters).strip()


def _address(text: str) -> Spelling | None:
    if _EMERGENCY.fullmatch(text):
        return Spelling("", emergency=True)
    scheme = _SCHEME.match(text)
    name = scheme[1].lower() if scheme else ""
    rest = text[scheme.end() :] if scheme else text
    if scheme and (name not in (*_SIP, *_TEL) or _NESTED.match(rest)):
        return None
    if name in _TEL:
        return _number(rest, tel=True)
    return _sip(rest) if scheme or "@" in rest else _number(rest, tel=False)


def _number(text: str, *, tel: bool) -> Spelling | None:
    """A number or a name without a host."""
    user, context = _user(text)
    return None if context is None or not user else Spelling(user, None, context, tel)


def _sip(text: str) -> Spelling | None:
    """What follows `sip:`."""
    userinfo, at, rest = text.rpartition("@")
    if "@" in userinfo:
        return None
    host, *params = rest.partition("?")[0].split(";")
    if not at:
        # Phones that know no domain send `sip:201`.
        bare = host.partition(":")[0]
        return None if _is_host(bare) else _number(";".join([bare, *params]), tel=False)
    user, context = _user(";".join([_PASSWORD.sub("", userinfo), *params]))
    found = _HOST.fullmatch(_maddr(params) or host.strip().lower())
    if found is None or context is None or not user:
        return None
    return Spelling(user, found[1].rstrip("."), context)


def _user(text: str) -> tuple[str, str | None]:
    """The user without its parameters, and the prefix given by `phone-context`; None: unclear."""
    user, *params = text.split(";")
    # A parameter has a name; digits alone continue the number after some junk.
    user += "".join(param for param in params if not any(map(str.isalpha, param)))
    contexts = {
        value.strip()
        for name, _, value in (param.partition("=") for param in params)
        if name.strip().lower() == "phone-context"
    }
    if len(contexts) > 1:
        return user, None
    context = "".join(contexts)
    digits = "".join(char for char in context if char in "0123456789")
    return user.strip(), f"+{digits}" if context.startswith("+") else ""


def _maddr(params: list[str]) -> str | None:
    """The host that overrides the one in the address (RFC 3261 §19.1.1)."""
    for param in params:
        name, _, value = param.partition("=")
        if name.strip().lower() == "maddr":
            return value.strip().lower() or "?"
    return None


def _is_host(text: str) -> bool:
    """Whether the text in the host's place is a host and not a number."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "." in text and any(char.isalpha() for char in text)
    return True
