"""Dialled digits → an E.164 number and its class, with Google's metadata of all countries.

Where digits can be read in two ways, the riskier reading wins: the result guards calls.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ShortNumberCost, shortnumberinfo

from dfks_rules.policy.site.number_plan import Dialling, NumberPlan

_EMERGENCY_ANYWHERE = ("112", "911", "999")
"""Emergency numbers assumed where the country is unknown."""

CLASS_OF_TYPE = {
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
    PhoneNumberType.UNKNOWN: "unknown",
}
"""Type of a number → its class; those of no other type are national or international."""
CLASS_OF_PREFIX = {
    **dict.fromkeys(("+870", "+871", "+872", "+873", "+874", "+881", "+882"), "satellite"),
    "+878": "personal",
    "+979": "premium",
}
"""Calling codes of no country, on which the metadata has too little (ITU-T E.164 list)."""

_HARMLESS = ("toll-free", "national", "international", "mobile", "voip", "voicemail", "unknown")
_DANGEROUS = ("uan", "pager", "shared-cost", "personal", "satellite", "premium")
_RISK = {name: risk for risk, name in enumerate((*_HARMLESS, "", *_DANGEROUS))}
"""Class → how risky it is; the empty name stands for classes defined by authors."""

_SHORT = range(3, 7)
"""Number of digits of short numbers valid in one country, such as directory enquiries."""
_SUBSCRIBER = range(5, 9)
"""Number of digits of subscriber numbers without an area code."""
_WITH_COUNTRY = 10
"""Fewest digits of a number with its country code and without `+`."""
_SHORTEST = 3
"""Fewest digits the library accepts."""

_INVALID, _CUT, _VALID = range(3)
"""How far a reading can be trusted: no such number; one with surplus digits, or one whose prefix an
author listed; a valid number."""


_Way = tuple[str, str | None]
"""Digits, and the country to read them in."""


class Number(NamedTuple):
    """One reading of what was dialled."""

    e164: str
    """With `+`; may have surplus digits."""
    class_: str
    """One of `targets.CLASSES`, or a class defined by an author."""
    country: str | None
    """ISO 3166-1 alpha-2; None for calling codes that belong to no country."""
    trust: int
    """0: no such number. 1: surplus digits, or a prefix listed by an author. 2: a valid number."""
    abroad: bool
    """Whether it is outside the domain's country."""
    whole: str
    """The number without surplus digits, as networks ignore them."""
    usual: bool = True
    """Whether the digits were read as the domain's phones dial: the outside digits first, if they
    may be them."""
    plain: bool = False
    """Whether outside digits were read as the start of a number with its country code, of which
    nothing says that it goes abroad, and the usual reading of the same digits is a valid number."""


def read_numbers(digits: str, context: str, domain: str, plan: NumberPlan) -> list[Number]:
    """The numbers that may have been dialled, the usual way to read the digits first.

    Args:
        digits: as dialled, with at most one `+` in front.
        context: the prefix from `phone-context`, or an empty text.
        domain: the domain of the phone that dialled.
        plan: how the domain writes numbers.
    """
    dialling = plan.dialling(domain)
    if digits.startswith("+") or context:
        whole = digits if digits.startswith("+") else context + digits
        number = _best(iter([(whole, None)]), dialling, plan)
        found = [number] if number else []
        # A PBX may drop the context, and dial what says itself that it goes abroad or outside.
        if whole != digits and digits.startswith(("0", dialling.outside or "0")):
            dropped = read_numbers(digits, "", domain, plan)
            found += [one._replace(usual=False) for one in dropped if one.trust]
        return found
    found = []
    for place, inside in enumerate(outside_in(digits, dialling)):
        for ways in (_without_area(inside, dialling), _ways(inside, dialling)):
            number = _best(ways, dialling, plan)
            if number:
                is_ours = any(one.usual and one.trust == _VALID for one in found)
                plain = is_ours and number.e164 == f"+{inside}"
                found.append(number if place == 0 else number._replace(usual=False, plain=plain))
    return found


def riskier(readings: Iterable[Number]) -> Number | None:
    """The riskiest of several readings; the first among equals.

    `9 1 240 312 3852` is no call to India (+91) where 9 gets a line: a plain reading counts only if
    the usual one is no valid number, or if networks or authors give its kind a name.
    """
    known = (one for one in readings if not one.plain or one.class_ not in _HARMLESS)
    return max(known, key=_danger, default=None)


def told_apart(number: Number, readings: Iterable[Number]) -> tuple[str, ...]:
    """In E.164 form: one reading, and all others that may be meant.

    Those are the usual ones, and if some are in use, of the unusual ones only these. Of each that
    has surplus digits, also the number without them.
    """
    meant = (one for one in readings if one.usual or one.trust or not number.trust)
    every = (e164 for one in (number, *meant) for e164 in (one.e164, one.whole))
    return tuple(dict.fromkeys(every))


def outside_in(digits: str, dialling: Dialling) -> list[str]:
    """The digits without an outside-line prefix, if they may start with one, and as they are."""
    outside = dialling.outside
    stripped = digits.removeprefix(outside)
    return [stripped, digits] if outside and stripped and stripped != digits else [digits]


def is_emergency(digits: str, country: str | None) -> bool:
    """Whether exactly these digits call an emergency service."""
    if country is None:
        return digits in _EMERGENCY_ANYWHERE
    return digits == "112" or bool(shortnumberinfo.is_emergency_number(digits, country))


def reaches_emergency(digits: str, country: str | None) -> bool:
    """Whether a network may connect to an emergency service after the first few of these digits."""
    return country is not None and bool(
        shortnumberinfo.connects_to_emergency_number(digits, country)
    )


def class_of_short_number(digits: str, country: str | None) -> str | None:
    """`short-code` or `premium` for a country's service number, such as directory enquiries."""
    if country is None or len(digits) not in _SHORT:
        return None
    number = PhoneNumber(phonenumbers.country_code_for_region(country), int(digits))
    if digits.startswith("0") or not shortnumberinfo.is_valid_short_number_for_region(
        number, country
    ):
        return None
    # A number for text messages only takes no calls, so these digits are somebody's extension.
    if shortnumberinfo.is_sms_service_for_region(number, country):
        return None
    cost = shortnumberinfo.expected_cost_for_region(number, country)
    return "premium" if cost == ShortNumberCost.PREMIUM_RATE else "short-code"


def risk_of(class_: str) -> int:
    """How risky a class is; those that authors define are equally so."""
    return _RISK.get(class_, _RISK[""])


def _danger(reading: Number) -> tuple[bool, int, bool, int]:
    risk = risk_of(reading.class_)
    return reading.trust > _INVALID, risk, reading.abroad, reading.trust


def _ways(digits: str, dialling: Dialling) -> Iterator[_Way]:
    """Each way to read the digits, the usual ones first."""
    country = dialling.country
    if country:
        yield digits, country
    if digits.startswith("00"):
        yield "+" + digits.lstrip("0"), None
    if country and len(digits) >= _WITH_COUNTRY and not digits.startswith("0"):
        yield "+" + digits, None  # trunks omit the `+`


def _without_area(digits: str, dialling: Dialling) -> Iterator[_Way]:
    """The digits read as a number of the domain's own area, if they can be one."""
    if dialling.country and dialling.area and len(digits) in _SUBSCRIBER and digits[0] != "0":
        code = phonenumbers.country_code_for_region(dialling.country)
        yield f"+{code}{dialling.area}{digits}", None


def _best(ways: Iterator[_Way], dialling: Dialling, plan: NumberPlan) -> Number | None:
    """The most trusted reading; the first among equals."""
    best = None
    for digits, country in ways:
        reading = _reading(digits, country, dialling, plan)
        if reading and (best is None or reading.trust > best.trust):
            best = reading
            if best.trust == _VALID:
                break
    return best


def _reading(
    digits: str, country: str | None, dialling: Dialling, plan: NumberPlan
) -> Number | None:
    number = _parse(digits, country)
    if number is None:
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    trust = _VALID if phonenumbers.is_valid_number(number) else _INVALID
    # Networks ignore digits after a complete number, but such digits hide it from a pattern.
    if trust == _INVALID and phonenumbers.truncate_too_long_number(number):
        trust = _CUT
    where = _country(number, dialling.country)
    abroad = where != dialling.country or where is None
    named = plan.class_of(e164)
    if named and trust == _INVALID:
        trust = _CUT
    class_ = named or CLASS_OF_PREFIX.get(e164[:4]) or _class_of_type(number, abroad=abroad)
    whole = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Number(e164, class_, where, trust, abroad, whole)


def _parse(digits: str, country: str | None) -> PhoneNumber | None:
    while len(digits) >= _SHORTEST:
        try:
            return phonenumbers.parse(digits, country)
        except phonenumbers.NumberParseException as error:
            if error.error_type != phonenumbers.NumberParseException.TOO_LONG:
                return None
            digits = digits[:-1]
    return None


def _country(number: PhoneNumber, home: str | None) -> str | None:
    """The country of a number; `home` if the number may belong to several, `home` among them."""
    if home and phonenumbers.is_valid_number_for_region(number, home):
        return home
    found = phonenumbers.region_code_for_number(
        number
    ) or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return found if found in phonenumbers.SUPPORTED_REGIONS else None


def _class_of_type(number: PhoneNumber, *, abroad: bool) -> str:
    place = "international" if abroad else "national"
    return CLASS_OF_TYPE.get(phonenumbers.number_type(number), place)
