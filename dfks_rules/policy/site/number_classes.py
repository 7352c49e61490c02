"""Which classes the metadata of all countries has for numbers that begin in one way."""

from collections.abc import Iterable, Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as regex  # type: ignore[attr-defined]
from typing import Any

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber, PhoneNumberType

from dfks_rules.policy.site.numbering import CLASS_OF_PREFIX, CLASS_OF_TYPE

_OF_TYPE = {
    "premium_rate": PhoneNumberType.PREMIUM_RATE,
    "toll_free": PhoneNumberType.TOLL_FREE,
    "shared_cost": PhoneNumberType.SHARED_COST,
    "mobile": PhoneNumberType.MOBILE,
    "voip": PhoneNumberType.VOIP,
    "personal_number": PhoneNumberType.PERSONAL_NUMBER,
    "pager": PhoneNumberType.PAGER,
    "uan": PhoneNumberType.UAN,
    "voicemail": PhoneNumberType.VOICEMAIL,
}
"""Name in the metadata → type."""
_MOST_DIGITS = 17
"""More digits than any number has."""
_OF_ANY_TYPE = ("unknown", "national", "international")
"""Classes of numbers that are of no type, and of those that are of no special one."""


def classes_by_metadata(prefix: str) -> frozenset[str] | None:
    """Classes, one too many rather than too few, of numbers that begin with a whole number.

    Whoever dials on after a whole number is connected to it, so such readings are trusted whatever
    a number plan says of them.

    Args:
        prefix: with `+`.

    Returns:
        None if it is no valid number: then some such readings are trusted and others are not.
    """
    try:
        number = phonenumbers.parse(prefix)
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if written != prefix or not phonenumbers.is_valid_number(number) or _is_left_early(number):
        return None
    code = number.country_code or 0
    own = CLASS_OF_PREFIX.get(prefix[:4])
    found = {own} if own else set(_OF_ANY_TYPE)
    national = prefix[1 + len(str(code)) :]
    for class_, pattern, longest in _patterns(code):
        if longest >= len(national) and may_begin(pattern, national):
            found.add(class_)
    return frozenset(found)


def _is_left_early(number: PhoneNumber) -> bool:
    """Whether a longer number is of a length at which the search for a whole one within it ends.

    As +1 310 1234 is whole, and numbers of eight or nine digits are not.
    """
    longer = PhoneNumber()
    longer.merge_from(number)
    for _ in range(_MOST_DIGITS):
        longer.national_number = (longer.national_number or 0) * 10
        reason = phonenumbers.is_possible_number_with_reason(longer)
        if reason == phonenumbers.ValidationResult.TOO_SHORT:
            return True
    return False


def _patterns(code: int) -> Iterator[tuple[str, str, int]]:
    """Class, pattern and most digits of the national numbers of a calling code."""
    for region in COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        general = None if metadata is None else metadata.general_desc
        for name, kind in _OF_TYPE.items():
            numbers = getattr(metadata, name, None)
            if general is not None and numbers is not None and numbers.national_number_pattern:
                longest = max(numbers.possible_length or general.possible_length)
                yield CLASS_OF_TYPE[kind], numbers.national_number_pattern, longest


def may_begin(pattern: str, text: str) -> bool:
    """Whether a pattern may match a text that begins so; true where that is hard to tell."""
    return len(text) in _ends(regex.parse(pattern), text, {0})


def _ends(parsed: Iterable[tuple[Any, Any]], text: str, starts: set[int]) -> set[int]:
    """How far a part of a pattern may reach into a text; its end also stands for all beyond."""
    for op, argument in parsed:
        starts = _step(op, argument, text, starts)
    return starts


def _step(op: Any, argument: Any, text: str, starts: set[int]) -> set[int]:
    end = len(text)
    if op is ops.LITERAL or op is ops.IN:
        members = argument if op is ops.IN else [(op, argument)]
        return {
            min(start + 1, end) for start in starts if start == end or _has(members, text[start])
        }
    if op is ops.BRANCH:
        return set().union(*(_ends(branch, text, starts) for branch in argument[1]))
    if op is ops.SUBPATTERN:
        return _ends(argument[3], text, starts)
    if op is ops.MAX_REPEAT:
        least, most, inner = argument
        for _ in range(least):
            starts = _ends(inner, text, starts)
        reached = starts
        for _ in range(min(most - least, end + 1)):
            starts = starts | _ends(inner, text, starts)
        return reached | starts
    return set(range(min(starts, default=end), end + 1)) if starts else starts


def _has(members: Iterable[tuple[Any, Any]], char: str) -> bool:
    for op, argument in members:
        if op is ops.LITERAL:
            if chr(argument) == char:
                return True
        elif op is ops.RANGE:
            if argument[0] <= ord(char) <= argument[1]:
                return True
        else:
            return True
    return False
