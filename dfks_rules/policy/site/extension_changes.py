"""Whether tests of targets can tell that other users, or other numbers of theirs, can be dialled.

A directory is asked in four ways as a target is read. Names with letters are looked up as they are.
Digits without `+` may be an extension, whose class and reach are then `internal`, and which is no
number. A number that is somebody's keeps its class and stays a number; its kind is `internal`
instead of `external`, and its reach instead of `national`. And a target may be the presentity
itself, of which neither kind nor class nor reach speaks.
"""

import re
from collections.abc import Callable, Iterable

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.number_plan import Dialling
from dfks_rules.policy.site.numbering import class_of_short_number, outside_in
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.site.targets import LONGEST_EXTENSION

Test = Callable[[str, str | None, str], bool]
"""A test of a class, a reach or a kind."""
_Told = tuple[str, str | None, str]
_DIGITS = re.compile(r"\+?[0-9]+", re.ASCII)
_INTERNAL: _Told = ("internal", "internal", "internal")
_NOBODYS: _Told = ("unknown", "national", "external")
_SOMEBODYS: _Told = ("unknown", "internal", "internal")


def are_not_told(
    old: Site,
    new: Site,
    dialled: Iterable[tuple[str, str]],
    tests: Iterable[Test],
    *,
    reads_numbers: bool,
) -> bool:
    """Whether no test passes for a target by one site, and fails by the other.

    True only where that is certain.

    Args:
        old: one site.
        new: the other, with the same number plan.
        dialled: (domain, what is dialled) of all that has changed.
        tests: of classes, reaches and kinds; each is of one of them alone.
        reads_numbers: whether it matters, too, which number a target is.
    """
    tests = tuple(tests)
    pairs: set[tuple[_Told, _Told]] = {(_NOBODYS, _SOMEBODYS)}
    for domain, text in dialled:
        if not _DIGITS.fullmatch(text):
            return False
        users = [site.targets.extension(text, domain) for site in (old, new)]
        if users[0] != users[1]:
            dialling = new.targets.plan.dialling(domain)
            if reads_numbers or dialling.lengths is not None or len(text) > LONGEST_EXTENSION:
                return False
            nobody = Aor("nobody", domain)
            plain = [site.targets.analyse(text, nobody) for site in (old, new)]
            one, other = ((target.class_, target.reach, target.kind) for target in plain)
            pairs.add((one, other))
            # Dialled so that no number of it is trusted, short numbers come before extensions
            # that nobody has.
            if not _is_short(text, dialling):
                one, other = _INTERNAL, _INTERNAL
            pairs.add((_INTERNAL if users[0] else one, _INTERNAL if users[1] else other))
    return all(test(*one) == test(*other) for one, other in pairs for test in tests)


def _is_short(digits: str, dialling: Dialling) -> bool:
    inside = outside_in(digits, dialling)
    return any(class_of_short_number(one, dialling.country) for one in inside)
