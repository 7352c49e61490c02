"""What a forward target is: the facts `target.*`, so that no policy has to parse numbers itself."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.dialled import Dialled, read_dialled
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.number_plan import MAX_EXTENSION, Dialling, NumberPlan
from dfks_rules.policy.site.numbering import (
    Number,
    class_of_short_number,
    is_emergency,
    outside_in,
    reaches_emergency,
    read_numbers,
    riskier,
    told_apart,
)
from dfks_rules.policy.site.spelling import Spelling, read_spelling

KINDS = ("internal", "external", "foreign", "code", "invalid")
"""Values of `target.kind`."""
CLASSES = (
    *("emergency", "internal", "toll-free", "national", "international", "mobile", "voip"),
    *("premium", "shared-cost", "satellite", "personal", "pager", "uan", "voicemail"),
    *("short-code", "unknown"),
)
"""Built-in values of `target.class`; a number plan may add its own."""
REACHES = ("internal", "national", "international")
"""Values of `target.reach`."""

MAX_REMEMBERED = 16_384
"""Most targets kept in the cache."""
_SHORT = 128
"""Longest cached target, in characters: bounds the memory that strangers can fill."""
LONGEST_EXTENSION = 5
"""Most digits of an extension in a domain for which no file gives the lengths."""
_NAME = re.compile(r"\w[\w.+~!'()=-]{0,127}")


class Target(NamedTuple):
    """What a forward target is, seen from one presentity."""

    kind: str
    """One of `KINDS`."""
    class_: str = "unknown"
    """One of `CLASSES`, or a class of the number plan's own."""
    reach: str | None = None
    """One of `REACHES`; None when not known."""
    number: str | None = None
    """In E.164 form, with `+`; None when the target is not a number."""
    country: str | None = None
    """Country of the number, ISO 3166-1 alpha-2; None when it belongs to no country."""
    user: str | None = None
    """User part of the address, whether one of our users or an address elsewhere."""
    domain: str | None = None
    """Domain of `user`, in lower case."""
    self: bool = False
    """Whether the target is the presentity itself, by address or by number."""
    numbers: tuple[str, ...] = ()
    """Every number that it can be read as, `number` first; empty when it is not a number."""

    @property
    def aor(self) -> Aor | None:
        """The user of ours that it reaches; None when it reaches none."""
        if self.kind != "internal" or self.user is None or self.domain is None:
            return None
        return Aor(self.user, self.domain)


_INVALID = Target("invalid")
_EMERGENCY = Target("external", "emergency", "national")


class Targets:
    """Analyses targets with one number plan and one directory; caches the results."""

    def __init__(self, plan: NumberPlan, directory: Directory) -> None:
        self.plan = plan
        """How numbers are written."""
        self._directory = directory
        self._read_before: dict[tuple[str, str], Target] = {}
        self._last: tuple[str, Aor, Target] | None = None

    def analyse(self, text: str, presentity: Aor) -> Target:
        """What a target is to a presentity, whose domain determines how numbers are written.

        Accepts any text, in bounded time; see docs/reference/number-analysis.md.
        """
        # The facts about a target each ask in turn, so the last answer is kept.
        last = self._last
        if last is not None and last[0] == text and last[1] == presentity:
            return last[2]
        target = self._of_domain(text, presentity.domain)
        if self._is_self(target, presentity):
            target = target._replace(self=True)
        self._last = (text, presentity, target)
        return target

    def name_of(self, text: str, presentity: Aor) -> str:
        """One name for a target, however it is written: its number, else its address, else the
        text.
        """
        target = self.analyse(text, presentity)
        if target.number is not None:
            return target.number
        if target.user is not None and target.domain is not None:
            return Aor(target.user, target.domain).uri
        return text

    def extension(self, digits: str, domain: str) -> Aor | None:
        """The user of a domain who is reached by these digits as an extension; None: nobody."""
        dialling = self.plan.dialling(domain)
        if digits.startswith("+"):
            return None
        if Aor(digits, domain) in self._directory:
            return Aor(digits, domain)
        user = self._directory.user_of_number(digits, domain)
        if user or len(digits) not in (dialling.lengths or ()) or not digits.isdecimal():
            return user
        fits = not dialling.prefixes or digits.startswith(dialling.prefixes)
        return Aor(digits, domain) if fits else None

    def _is_self(self, target: Target, presentity: Aor) -> bool:
        if target.aor == presentity:
            return True
        if target.number is None:
            return False
        if target.number in self._directory.numbers_of(presentity):
            return True
        if presentity.user[:1] not in "+0123456789":
            return False
        return self._of_domain(presentity.user, presentity.domain).number == target.number

    def _of_domain(self, text: str, domain: str) -> Target:
        key = (text, domain)
        known = self._read_before.get(key)
        if known is None:
            known = self._read(text, domain)
            if len(text) <= _SHORT:
                if len(self._read_before) >= MAX_REMEMBERED:
                    self._read_before.clear()
                self._read_before[key] = known
        return known

    def _read(self, text: str, domain: str) -> Target:
        spelling = read_spelling(text)
        if spelling is None:
            return _INVALID
        if spelling.emergency:
            return _EMERGENCY
        dialled = read_dialled(spelling.user)
        if dialled is None or (dialled.lettered and self._is_user(spelling, domain)):
            return _name(spelling, domain)
        target = self._dialled(dialled, spelling, domain)
        return target._replace(kind="code") if dialled.code else target

    def _is_user(self, spelling: Spelling, domain: str) -> bool:
        return Aor(spelling.user, spelling.host or domain) in self._directory

    def _dialled(self, dialled: Dialled, spelling: Spelling, domain: str) -> Target:
        """A target made of digits: the first of the following readings that fits."""
        dialling = self.plan.dialling(domain)
        both = (dialled.digits, dialled.everything)
        if any(is_emergency(one, dialling.country) for one in _inside(both, dialling)):
            return _EMERGENCY
        readings = self._readings(dialled, spelling.context, domain)
        if spelling.host not in (None, domain):
            # Another PBX knows nothing of our outside digits.
            readings = [one._replace(plain=False) for one in readings]
        number = riskier(readings)
        target = self._by(number, dialled, spelling, domain)
        if number and target.number:
            return target._replace(numbers=told_apart(number, readings))
        return target

    def _by(
        self, number: Number | None, dialled: Dialled, spelling: Spelling, domain: str
    ) -> Target:
        """A target of digits, and of the number that they are."""
        if dialled.lettered and not (number and number.trust):
            return _name(spelling, domain)
        if spelling.host in (None, domain):
            return self._at_home(dialled, number, domain, spelling.context)
        # An address elsewhere: only an unmistakable number goes to the telephone network.
        if number and (number.trust or dialled.digits.startswith(("+", "00"))):
            return self._external(number, domain)
        return Target("foreign", user=spelling.user, domain=spelling.host)

    def _readings(self, dialled: Dialled, context: str, domain: str) -> list[Number]:
        """Numbers dialled before a pause or, if there are none, those after it."""
        before = read_numbers(dialled.digits, context, domain, self.plan)
        if dialled.lettered:
            return before + read_numbers(dialled.everything, context, domain, self.plan)
        if dialled.everything == dialled.digits or any(one.trust for one in before):
            return before
        rest = (dialled.coded, dialled.after, dialled.everything)
        found = [read_numbers(one, context, domain, self.plan) for one in rest if one]
        return [one for some in found for one in some] or before

    def _at_home(
        self, dialled: Dialled, number: Number | None, domain: str, context: str
    ) -> Target:
        """A target of digits that the domain's own PBX dials."""
        dialling = self.plan.dialling(domain)
        trusted = number is not None and number.trust
        digits = dialled.digits
        # `1900,5550100` is not an extension: a PBX that strips the pause dials on. Nor is a full
        # number, with the prefix that a `phone-context` gives or without, even where a user is
        # named by it: no directory entry makes calls to it harmless.
        whole = trusted and (len(digits) > MAX_EXTENSION or context)
        alone = digits == dialled.everything or not trusted
        if alone and not (dialled.code or whole):
            user = self.extension(digits, domain)
            if user:
                return _internal(user)
        for inside in _inside((digits,), dialling):
            short = class_of_short_number(inside, dialling.country)
            # `9011,44…` is no service number `9011`, unless that is as dear as can be.
            if short and (alone or short == "premium"):
                return Target("external", short, "national", country=dialling.country)
        if number and trusted:
            return self._external(number, domain, digits)
        if digits.isdecimal() and dialling.lengths is None and len(digits) <= LONGEST_EXTENSION:
            return _internal(Aor(digits, domain))
        # Of `0 0011 87…` an Australian network sees no `000`, but what follows the outside line.
        first = outside_in(digits, dialling)[0] if number and number.abroad else digits
        if all(reaches_emergency(one, dialling.country) for one in (digits, first)):
            return _EMERGENCY
        return self._external(number, domain) if number else Target("external")

    def _external(self, number: Number, domain: str, digits: str = "") -> Target:
        """A number, which the directory may assign to a user of the domain.

        Args:
            number: the number.
            domain: the presentity's domain.
            digits: the number as dialled, which may be a user's name.
        """
        reach = "international" if number.abroad else "national"
        target = Target("external", number.class_, reach, number.e164, number.country)
        named = [Aor(one, domain) for one in (number.e164, number.e164[1:], digits)]
        user = self._directory.user_of_number(number.e164, domain) or next(
            (one for one in named if one in self._directory), None
        )
        if user is None:
            return target
        # The class stays, and so does `international`: assigning a number to a user, as a tenant's
        # own directory may, does not make it harmless.
        reach = reach if number.abroad else "internal"
        return target._replace(kind="internal", reach=reach, user=user.user, domain=user.domain)


def _inside(several: Iterable[str], dialling: Dialling) -> Iterator[str]:
    """The dialled digits, with and without the outside-line prefix; none begin with `+`."""
    for digits in dict.fromkeys(several):
        yield from outside_in(digits.removeprefix("+"), dialling)


def _name(spelling: Spelling, domain: str) -> Target:
    """A target that is not a number."""
    if spelling.tel or not _NAME.fullmatch(spelling.user):
        return _INVALID
    if spelling.host in (None, domain):
        return _internal(Aor(spelling.user, domain))
    return Target("foreign", user=spelling.user, domain=spelling.host)


def _internal(user: Aor) -> Target:
    return Target("internal", "internal", "internal", user=user.user, domain=user.domain)
