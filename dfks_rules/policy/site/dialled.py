"""The user part of a target → the digits a PBX would dial, or none if it is a name."""

import re
from typing import NamedTuple

from phonenumbers import convert_alpha_characters_in_number

_MAX_DIGITS = 24
"""Most digits that matter: up to 15 of E.164 after an outside-line prefix and `00` or the like."""
_FEWEST_WITH_JUNK = 7
"""Fewest digits that make a number when letters are mixed in."""
_MAX_BEFORE_PLUS = 4
"""Most digits before a `+` that are an outside-line prefix rather than a number."""

_JUNK = re.compile(r"[^\w+*#,]|_")
_CODE = re.compile(r"[*#]+[0-9]{2}(?:[0-9]*[*#])?")
_PAUSE = r"(?:[,*#pwx]|ext)"
_PAUSED = re.compile(rf"([0-9+]*[0-9]){_PAUSE}((?:[0-9+]|{_PAUSE})*)", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"[0-9+]*[0-9]", re.ASCII)
_DIGIT_FIRST = re.compile(r"[+0-9]")
_NO_DIGIT = re.compile(r"[^0-9+]")
_KEYPAD = re.compile(r"[0-9+]*[0-9]{3}[A-Za-z]{3}[0-9A-Za-z]*", re.ASCII)


class Dialled(NamedTuple):
    """What a PBX would dial: digits, with at most one `+` in front."""

    digits: str
    """The digits up to the first pause (`,`, `p`, `w`, `x`, `*`, `#`)."""
    everything: str
    """Also the digits after the pause: a PBX may strip the pause, or letters, and dial on."""
    after: str = ""
    """The digits after the first pause: those before it may be an outside-line prefix."""
    coded: str = ""
    """The digits after a service code that follows those before it: `9*67…` for an outside line
    without showing one's number."""
    code: bool = False
    """Whether a service code such as `*72` or `#31#` came first; then the digits may be empty."""
    lettered: bool = False
    """Whether it has letters: they stand for keys, are junk, or make it a name."""


def read_dialled(user: str) -> Dialled | None:
    """The digits in the user part of a target; None when it is a name or empty."""
    text = _JUNK.sub("", user)
    if not any(map(str.isalpha, text)):
        text = text.lstrip(",")
    code = _CODE.match(text)
    if code or text[:1] in ("*", "#"):
        rest = _read(text[code.end() :] if code else text.lstrip("*#"))
        return rest._replace(code=True) if rest else Dialled("", "", code=True)
    return _read(text)


def _read(text: str) -> Dialled | None:
    if _PLAIN.fullmatch(text):
        digits = _one_plus(text)
        return Dialled(digits, digits)
    paused = _PAUSED.fullmatch(text)
    if paused:
        rest = _NO_DIGIT.sub("", paused[2])
        everything = _one_plus(paused[1] + rest)
        code = _CODE.match(text, paused.end(1))
        coded = _one_plus(_NO_DIGIT.sub("", text[code.end() :])) if code else ""
        return Dialled(_one_plus(paused[1]), everything, _one_plus(rest), coded)
    return _lettered(text)


def _lettered(text: str) -> Dialled | None:
    """Digits followed by letters: keypad letters, or junk that a PBX strips."""
    if not _DIGIT_FIRST.match(text):
        return None
    keyed = convert_alpha_characters_in_number(text) if text.isascii() else text
    stripped = _NO_DIGIT.sub("", text)
    if len(stripped) >= _FEWEST_WITH_JUNK:
        return Dialled(_one_plus(_NO_DIGIT.sub("", keyed)), _one_plus(stripped), lettered=True)
    if _KEYPAD.fullmatch(text):
        return Dialled(_one_plus(keyed), _one_plus(keyed), lettered=True)
    return None


def _one_plus(text: str) -> str:
    """The digits, with a `+` in front if one marks where the number starts; cut to what matters."""
    before, plus, after = text.rpartition("+")
    before = before.replace("+", "")
    if plus and len(before) <= _MAX_BEFORE_PLUS and not after.startswith("0"):
        return "+" + after[:_MAX_DIGITS]
    return (before + after)[:_MAX_DIGITS]
