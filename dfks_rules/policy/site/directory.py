"""Which groups users are in, which numbers they have, and what else files say about them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, TypeVar

from dfks_rules.errors import Finding
from dfks_rules.model.identity import Aor
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.tree import Place

MAX_USERS = 200_000
"""Most users in all files together."""

EVERYBODY = ""
"""Stands for every user of a domain that a file names: what such an entry says of attributes holds
where nothing else is said of the user."""
Columns = tuple[str, ...]
"""Names of attributes, in the order of their values; entries of a file share one."""
Cells = tuple[str, ...]
"""The values of attributes; empty where there is none."""


class Entry(NamedTuple):
    """What one entry in a file says about a user."""

    user: Aor
    """The user, or `EVERYBODY`."""
    groups: tuple[str, ...] = ()
    """Groups that the user is in."""
    role: str | None = None
    """The user's role; None when not given."""
    numbers: tuple[str, ...] = ()
    """E.164 numbers and extensions that reach the user."""
    file: str = ""
    """The file that has the entry."""
    place: Place = Place(0, 0)
    """Where the entry is in the file."""
    columns: Columns = ()
    """Names of the attributes that the file has."""
    cells: Cells = ()
    """The user's value of each."""


_User = tuple[tuple[str, ...], str | None, tuple[str, ...]]
"""Groups, role and numbers of one user."""
_V = TypeVar("_V")
_NOBODY: _User = ((), None, ())


_Kept = tuple[Columns, tuple[int, ...]]
"""Those of a file's attributes that are kept, and their places."""
_Rows = dict[Columns, dict[str, Cells]]
"""Columns → user → the user's values of them. So names are stored once, not once for each user."""

Portion = tuple[str, dict[str, _User], dict[str, str], _Rows]
"""A domain, and some of its users, of its numbers, and of the attributes of its users."""


class Directory:
    """The users of all Directory files; picklable, and immutable once it is in use.

    Numbers are looked up within a domain, so that what one tenant's file claims does not affect the
    others. Entries are kept in plain tuples and dictionaries by domain: the garbage collector does
    not keep rescanning them, and they unpickle in a third of the time that named tuples take.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), attributes: Collection[str] | None = None
    ) -> None:
        """Merge entries that do not contradict each other; see `make_directory`.

        Args:
            entries: what the files say.
            attributes: names of the attributes to keep; None: all of them.
        """
        self._users: dict[str, dict[str, _User]] = {}
        """Domain → user → what is known about the user."""
        self._owners: dict[str, dict[str, str]] = {}
        """Domain → number → user."""
        self._rows: dict[str, _Rows] = {}
        """Domain → attributes of its users."""
        self._members: dict[tuple[str, str], tuple[str, ...]] = {}
        """Domain, group → its members, of the groups that somebody asked for."""
        kept: dict[Columns, _Kept] = {}
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # many users share few lists of groups
        usual: dict[str, dict[str, str]] = {}
        for (name, domain), groups, role, numbers, _, _, columns, cells in entries:
            if name == EVERYBODY:
                of_all = dict(zip(columns, cells, strict=True))
                usual[domain] = of_all | usual.get(domain, {})
                continue
            users = self._users.setdefault(domain, {})
            groups_before, role_before, numbers_before = users.get(name, _NOBODY)
            groups = tuple(sorted({*groups_before, *groups}))
            numbers = tuple(dict.fromkeys((*numbers_before, *numbers)))
            users[name] = (shared.setdefault(groups, groups), role_before or role, numbers)
            owners = self._owners.setdefault(domain, {})
            for number in numbers:
                owners.setdefault(number, name)
            if columns:
                if columns not in kept:
                    kept[columns] = _kept(columns, attributes)
                self._keep(domain, name, kept[columns], cells)
        for domain, of_all in usual.items():
            columns = tuple(of_all)
            kept[columns] = kept.get(columns) or _kept(columns, attributes)
            for name in self._users.get(domain, ()):
                self._keep(domain, name, kept[columns], self._unsaid(Aor(name, domain), of_all))
        self._lists: dict[tuple[str, str], list[str]] | None = None if self._users else {}
        """Domain, group → its members, of all groups, where all users have been added in portions;
        None: they have to be searched for."""
        self.attributes = frozenset(name for columns in kept for name in columns)
        """Every attribute that a file has a column for, whether it is kept or not."""

    def portions(self, most: int) -> Iterator[Portion]:
        """Everything, in portions for `add` of another one; `most`: users, or numbers, of each."""
        for domain, users in self._users.items():
            # In the order in which members of groups are sorted where they arrive.
            for some in _some(dict(sorted(users.items())), most):
                yield domain, some, {}, {}
        for domain, owners in self._owners.items():
            for numbers in _some(owners, most):
                yield domain, {}, numbers, {}
        for domain, rows in self._rows.items():
            for columns, cells in rows.items():
                for few in _some(cells, most):
                    yield domain, {}, {}, {columns: few}

    def add(self, portion: Portion) -> None:
        """Add what another directory had, to one that has no users of its own."""
        domain, users, owners, rows = portion
        self._members = {}
        self._users.setdefault(domain, {}).update(users)
        if self._lists is not None:
            for name, (groups, _, _) in users.items():
                for group in groups:
                    self._lists.setdefault((domain, group), []).append(name)
        self._owners.setdefault(domain, {}).update(owners)
        for columns, cells in rows.items():
            self._rows.setdefault(domain, {}).setdefault(columns, {}).update(cells)

    def clear(self) -> None:
        """Forget all users."""
        self._users, self._owners, self._rows, self._members = {}, {}, {}, {}
        self._lists = {}

    def __contains__(self, user: Aor) -> bool:
        """Whether a file names the user."""
        return user.user in self._users.get(user.domain, {})

    def __len__(self) -> int:
        """How many users there are."""
        return sum(map(len, self._users.values()))

    def users(self) -> Iterator[Aor]:
        """Every user that a file names."""
        for domain, users in self._users.items():
            for name in users:
                yield Aor(name, domain)

    @property
    def groups(self) -> frozenset[str]:
        """Every group that has a member."""
        lists = {groups for users in self._users.values() for groups, _, _ in users.values()}
        return frozenset(group for groups in lists for group in groups)

    def groups_of(self, user: Aor) -> tuple[str, ...]:
        """The groups that a user is in, sorted."""
        return self._known_of(user)[0]

    def members_of(self, domain: str, group: str) -> tuple[str, ...]:
        """Users of a domain who are in a group, sorted; the same tuple each time.

        Where users were not added in portions, finding them takes a look at each user of the
        domain. It is done once.
        """
        if domain not in self._users:
            return ()  # of which there may be any number
        members = self._members.get((domain, group))
        if members is None:
            members = tuple(sorted(self._found(domain, group)))
            self._members[domain, group] = members
        return members

    @property
    def domains(self) -> frozenset[str]:
        """The domains that have users."""
        return frozenset(self._users)

    def role_of(self, user: Aor) -> str | None:
        """The role of a user; None when no file gives one."""
        return self._known_of(user)[1]

    def numbers_of(self, user: Aor) -> tuple[str, ...]:
        """The E.164 numbers and extensions of a user, in the order of the files."""
        return self._known_of(user)[2]

    def attribute_of(self, user: Aor, name: str) -> str | None:
        """What files say about a user under this name; None when they say nothing."""
        for columns, cells in self._rows.get(user.domain, {}).items():
            if name in columns and user.user in cells:
                value = cells[user.user][columns.index(name)]
                if value:
                    return value
        return None

    def attributes_of(self, user: Aor) -> dict[str, str]:
        """Every attribute of a user that is kept: name → value."""
        found: dict[str, str] = {}
        for columns, cells in self._rows.get(user.domain, {}).items():
            for name, value in zip(columns, cells.get(user.user, ()), strict=False):
                if value:
                    found.setdefault(name, value)
        return found

    def values_of(self, name: str) -> frozenset[str]:
        """Everything that files say about users under this name."""
        return frozenset(
            cells[columns.index(name)]
            for rows in self._rows.values()
            for columns, of_users in rows.items()
            if name in columns
            for cells in of_users.values()
        ) - {""}

    def user_of_number(self, number: str, domain: str) -> Aor | None:
        """The user who has a number (E.164 with `+`, or an extension) within a domain."""
        name = self._owners.get(domain, {}).get(number)
        return None if name is None else Aor(name, domain)

    def _keep(self, domain: str, user: str, kept: _Kept, cells: Cells) -> None:
        columns, places = kept
        cells = tuple([cells[place] for place in places])
        if any(cells):
            rows = self._rows.setdefault(domain, {}).setdefault(columns, {})
            before = rows.get(user)
            rows[user] = cells if before is None else tuple(map(_first, before, cells))

    def _unsaid(self, user: Aor, of_all: Mapping[str, str]) -> Cells:
        """What holds for everybody, where nothing else is said of a user."""
        said = self.attributes_of(user)
        return tuple("" if name in said else value for name, value in of_all.items())

    def _found(self, domain: str, group: str) -> Iterable[str]:
        if self._lists is not None:
            return self._lists.get((domain, group), ())
        return [name for name, user in self._users[domain].items() if group in user[0]]

    def _known_of(self, user: Aor) -> _User:
        return self._users.get(user.domain, {}).get(user.user, _NOBODY)


def _kept(columns: Columns, attributes: Collection[str] | None) -> _Kept:
    places = [n for n, name in enumerate(columns) if attributes is None or name in attributes]
    return tuple(columns[place] for place in places), tuple(places)


def _first(one: str, other: str) -> str:
    return one or other


def _some(everything: dict[str, _V], most: int) -> Iterator[dict[str, _V]]:
    items = iter(everything.items())
    while some := dict(islice(items, most)):
        yield some


def make_directory(
    entries: Iterable[Entry], attributes: Collection[str] | None = None
) -> tuple[Directory, list[Finding]]:
    """The directory made of the entries of all files, and where they contradict each other.

    A user may be in several files: groups and numbers are merged, roles and attributes must agree,
    and within a domain a number belongs to one user.

    Args:
        entries: what the files say.
        attributes: names of the attributes to keep, and to compare; None: all of them.
    """
    entries = list(entries)
    directory = Directory(entries, attributes)
    findings = list(_contradictions_of_everybody(entries, attributes))
    for user, _, role, numbers, file, place, columns, cells in entries:
        if user.user == EVERYBODY:
            continue
        known = directory.role_of(user)
        if role and role != known:
            message = phrase(
                "role of `{uri}` is `{role}` here and `{known}` elsewhere",
                uri=user.uri,
                role=role,
                known=known,
            )
            findings.append(Finding(file, *place, "policy_inconsistent", message))
        for name, value in zip(columns, cells, strict=True):
            other = directory.attribute_of(user, name) if value else None
            if other is not None and other != value:
                message = phrase(
                    "attribute `{name}` of `{uri}` is {value} here and {other} elsewhere",
                    name=name,
                    uri=user.uri,
                    value=quoted(value),
                    other=quoted(other),
                )
                findings.append(Finding(file, *place, "policy_inconsistent", message))
        for number in numbers:
            owner = directory.user_of_number(number, user.domain)
            if owner is not None and owner != user:
                message = phrase(
                    "number `{number}` already belongs to `{uri}`", number=number, uri=owner.uri
                )
                findings.append(Finding(file, *place, "policy_inconsistent", message))
    if len(directory) > MAX_USERS:
        message = phrase(
            "directory has {count} users; at most {max_users}",
            count=len(directory),
            max_users=MAX_USERS,
        )
        findings.append(Finding(entries[-1].file, 0, 0, "policy_limit", message))
    return directory, findings


def _contradictions_of_everybody(
    entries: Iterable[Entry], attributes: Collection[str] | None
) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    for user, _, _, _, file, place, columns, cells in entries:
        for name, value in zip(columns, cells, strict=True) if user.user == EVERYBODY else ():
            other = first.setdefault((user.domain, name), value)
            if other != value and (attributes is None or name in attributes):
                message = phrase(
                    "attribute `{name}` of all users of `{domain}` is {value} here and "
                    "{other} elsewhere",
                    name=name,
                    domain=user.domain,
                    value=quoted(value),
                    other=quoted(other),
                )
                yield Finding(file, *place, "policy_inconsistent", message)
