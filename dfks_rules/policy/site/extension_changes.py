"""Whether tests of targets can tell that other users, or other numbers of theirs, can be dialled.

A directory is asked in four ways as a target is read. Names with letters are looked up as they are.
Digits without `+` may be an extension, whose class and reach are then `internal`. A number that
is somebody's keeps its class, and its reach is `internal` instead of `national`. And a target may
be the presentity itself, of which no class and no reach speaks.
"""

import re
from collections.abc import Callable, Iterable

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.number_plan import Dialling
from dfks_rules.policy.site.numbering import class_of_short_number, outside_in
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.site.targets import LONGEST_EXTENSION

Test = Callable[[str, str | None], bool]
"""A test of a class and a reach."""
_Told = tuple[str, str | None]
_DIGITS = re.compile(r"\+?[0-9]+", re.ASCII)
_INTERNAL: _Told = ("internal", "internal")


def are_not_told(
    old: Site, new: Site, dialled: Iterable[tuple[str, str]], tests: Iterable[Test]
) -> bool:
    """Whether no test passes for a target by one site, and fails by the other.

    True only where that is certain.

    Args:
        old: one site.
        new: the other, with the same number plan.
        dialled: (domain, what is dialled) of all that has changed.
        tests: of classes and reaches; each is of one of them alone.
    """
    tests = tuple(tests)
    pairs: set[tuple[_Told, _Told]] = {(("unknown", "national"), ("unknown", "internal"))}
    for domain, text in dialled:
        if not _DIGITS.fullmatch(text):
            return False
        users = [site.targets.extension(text, domain) for site in (old, new)]
        if users[0] != users[1]:
            dialling = new.targets.plan.dialling(domain)
            if dialling.lengths is not None or len(text) > LONGEST_EXTENSION:
                return False
            nobody = Aor("nobody", domain)
            plain = [site.targets.analyse(text, nobody) for site in (old, new)]
            one, other = ((target.class_, target.reach) for target in plain)
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
