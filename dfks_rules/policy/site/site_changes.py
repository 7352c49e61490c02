"""What a directory or a number plan says otherwise: of which users, of which numbers."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.dialled import read_dialled
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.number_plan import NumberPlan

Said = dict[str, str | tuple[str, ...] | None]
"""`groups`, `role` and names of attributes → what a directory says; None where it says nothing."""


class UserChange(NamedTuple):
    """A user of whom it says something else."""

    user: Aor
    """Who."""
    before: Said
    """What it said."""
    after: Said
    """What it says."""


class PrefixChange(NamedTuple):
    """Numbers whose class a plan names otherwise."""

    prefix: str
    """How they begin, with `+`."""
    before: str | None
    """The class that was named for them; None: none was."""
    after: str | None
    """The class that is."""


def user_changes(
    old: Directory, new: Directory, names: Collection[str] | None = None
) -> Iterator[UserChange]:
    """Users of whom two directories say something different, those of one only among them.

    Args:
        old: one directory.
        new: the other.
        names: of what they say; None: all of it.
    """
    wanted = names
    if wanted is None:
        wanted = ["groups", "role", *sorted(old.attributes | new.attributes)]
    for user in dict.fromkeys((*old.users(), *new.users())):
        before, after = _said(old, user, wanted), _said(new, user, wanted)
        if before != after:
            yield UserChange(user, before, after)


def _said(directory: Directory, user: Aor, names: Iterable[str]) -> Said:
    found: Said = {}
    for name in names:
        if name == "groups":
            found[name] = directory.groups_of(user) or None
        elif name == "role":
            found[name] = directory.role_of(user)
        else:
            found[name] = directory.attribute_of(user, name)
    return found


def dialled_changes(old: Directory, new: Directory) -> Iterator[tuple[str, str]]:
    """(domain, what is dialled) of users who are no longer, or now, reached so.

    Names count if a phone could dial them; what they reach may depend on there being such a user.
    """
    for one, other in ((old, new), (new, old)):
        for user in one.users():
            if user not in other and read_dialled(user.user) is not None:
                yield user.domain, user.user
            for number in one.numbers_of(user):
                if one.user_of_number(number, user.domain) != other.user_of_number(
                    number, user.domain
                ) or number not in other.numbers_of(user):
                    yield user.domain, number


def prefix_changes(old: NumberPlan, new: NumberPlan) -> list[PrefixChange]:
    """Beginnings of numbers for which two plans name different classes."""
    prefixes = sorted({*old.prefixes, *new.prefixes})
    found = (PrefixChange(one, old.class_of(one), new.class_of(one)) for one in prefixes)
    return [one for one in found if one.before != one.after]


def domain_changes(old: NumberPlan, new: NumberPlan) -> list[str]:
    """Domains whose phones write numbers in another way; an empty text for all others."""
    named = sorted({*old.domains, *new.domains})
    found = [one for one in named if old.dialling(one) != new.dialling(one)]
    return found if old.default == new.default else [*found, ""]


def code_changes(old: NumberPlan, new: NumberPlan) -> list[str]:
    """Domains with other star codes."""
    named = sorted({*old.codes, *new.codes})
    return [one for one in named if old.codes.get(one) != new.codes.get(one)]
