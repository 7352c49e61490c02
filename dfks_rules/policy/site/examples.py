"""Targets to dial that are examples of their kind: for each class, country and reach a few."""

from collections.abc import Iterator
from functools import cache
from itertools import islice

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from dfks_rules.policy.site.number_plan import NumberPlan

MAX_OF_CLASS = 3
"""Most prefixes of one class of a number plan that give examples."""
MAX_CLASSES = 200
"""Most classes of a number plan that give examples."""
_TYPES = (*range(PhoneNumberType.FIXED_LINE, PhoneNumberType.UAN + 1), PhoneNumberType.VOICEMAIL)
_ABROAD = ("US", "DE", "GB", "FR", "CH", "IN", "LV", "CU")
"""Countries that give examples besides a domain's own: one at least is abroad from anywhere."""
_OF_NO_COUNTRY = (870, 881, 878, 979, 800, 808, 888)
"""Calling codes of no country: satellites, personal, premium, toll-free, shared-cost, unknown."""
_SPECIAL = (
    *("112", "911", "115", "11833", "411"),
    *("*72", "tel:nobody", "sip:somebody@elsewhere.example", "00999123"),
)
"""Emergency and short numbers of one country or another, and what is no number."""
_DIGITS = "1234567890123"
_LENGTH = 12
"""Characters of a number made of a prefix, if that is not longer."""


def example_targets(plan: NumberPlan, domain: str, country: str | None = None) -> Iterator[str]:
    """Targets as phones of a domain may write them; what each of them is, `Targets` says.

    Args:
        plan: how numbers are written, and what its classes are.
        domain: of the phone.
        country: one that shall be among those of the numbers, ISO 3166-1 alpha-2.
    """
    counts: dict[str, int] = {}
    for prefix, name in plan.prefixes.items():
        counts[name] = counts.get(name, 0) + 1
        if counts[name] <= MAX_OF_CLASS and len(counts) <= MAX_CLASSES:
            yield number_with(prefix)
    home = plan.dialling(domain).country
    for region in dict.fromkeys(filter(None, (country, home, *_ABROAD))):
        yield from _of_region(region)
    yield from _of_no_country()
    yield from _SPECIAL


def number_with(prefix: str) -> str:
    """A number that begins so, valid if it is itself, or one of a few is."""
    if _is_valid(prefix):
        return prefix
    long = [prefix + _DIGITS[:more] for more in range(_LENGTH - len(prefix), 2, -1)]
    return next(filter(_is_valid, long), prefix + _DIGITS[: max(_LENGTH - len(prefix), 3)])


def numbers_with(prefix: str, most: int) -> Iterator[str]:
    """Up to so many numbers that begin so: of some lengths, and with each next digit."""
    yield number_with(prefix)
    makings = (
        prefix + digit + _DIGITS[:more]
        for more in (9, 8, 7, 6, 5, 3, 0)
        for digit in "0123456789"
        if len(prefix) + more < 16
    )
    yield from islice(makings, most - 1)


def _is_valid(text: str) -> bool:
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(text)))
    except phonenumbers.NumberParseException:
        return False


@cache
def _of_region(region: str) -> tuple[str, ...]:
    found = (phonenumbers.example_number_for_type(region, kind) for kind in _TYPES)
    return tuple(dict.fromkeys(_written(one) for one in found if one is not None))


@cache
def _of_no_country() -> tuple[str, ...]:
    found = map(phonenumbers.example_number_for_non_geo_entity, _OF_NO_COUNTRY)
    return tuple(_written(one) for one in found if one is not None)


def _written(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
