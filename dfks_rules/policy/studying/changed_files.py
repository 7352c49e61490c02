"""Files beside policies that say something else than before, and what, in words."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from dfks_rules.policy.reading.read_calendar import read_calendar
from dfks_rules.policy.reading.read_list import read_list
from dfks_rules.policy.reading.read_vars import read_vars
from dfks_rules.policy.reading.source import (
    CALENDAR,
    DIRECTORY,
    LIST,
    NUMBER_PLAN,
    VARS,
    Source,
    kind_of,
)
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.site_changes import (
    Said,
    UserChange,
    code_changes,
    dialled_changes,
    domain_changes,
    prefix_changes,
    user_changes,
)
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.scalar import flow

SHARED = (LIST, VARS, CALENDAR)
"""Kinds of files that are written into rules as they are read."""
MAX_LINES = 10
"""Most lines about one file."""
_FEW = 5
"""So many names are told of many."""


class ChangedFile(NamedTuple):
    """A file, or several that are read as one, that has changed."""

    kind: str
    """Its kind."""
    name: str
    """What it is called, for people."""
    lines: tuple[str, ...]
    """What has changed."""
    before: Source | None = None
    """The file as it was, if it is one; None: it was not there."""
    after: Source | None = None
    """As it is; None: it is not there."""


def changed_shared(old: Sequence[Source], new: Sequence[Source]) -> Iterator[ChangedFile]:
    """Lists, variables and calendars that are not the same in both sets."""
    before, after = _by_name(old), _by_name(new)
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or one.text != other.text:
            name = _name((other or one or key[1],))
            yield ChangedFile(key[0], name, tuple(_differences(key[0], one, other)), one, other)


def changed_directory(
    old: Sequence[Source], new: Sequence[Source], before: Directory, after: Directory
) -> ChangedFile | None:
    """The files of users, if they have changed."""
    names = _unlike(DIRECTORY, old, new)
    return ChangedFile(DIRECTORY, names, _few(_of_users(before, after))) if names else None


def changed_plan(
    old: Sequence[Source], new: Sequence[Source], before: NumberPlan, after: NumberPlan
) -> ChangedFile | None:
    """The number plans, if they have changed."""
    names = _unlike(NUMBER_PLAN, old, new)
    return ChangedFile(NUMBER_PLAN, names, _few(_of_numbers(before, after))) if names else None


def _unlike(kind: str, old: Sequence[Source], new: Sequence[Source]) -> str:
    """The names of files of a kind that only one side has so; none if both sides have them all."""
    sides = [
        {(source.text, source.tenant): source for source in sources if kind_of(source) == kind}
        for sources in (old, new)
    ]
    before, after = sides
    only = [after[key] for key in after if key not in before]
    only += [before[key] for key in before if key not in after]
    return _name(only)


def _name(files: Iterable[Source | str]) -> str:
    names: dict[str, None] = {}
    for file in files:
        if isinstance(file, str):
            names[file] = None
        else:
            tenant = f"{file.tenant}/" if file.tenant else ""
            names[f"{tenant}{PurePath(file.file).name}"] = None
    return ", ".join(f"`{name}`" for name in names)


def _by_name(sources: Iterable[Source]) -> dict[tuple[str, str], Source]:
    """(kind, whose it is and how it is called) → the file."""
    found = {}
    for source in sources:
        kind = kind_of(source)
        if kind in SHARED:
            said = _said(kind, source)
            name = PurePath(source.file).name if said is None or kind == VARS else said[0]
            found[kind, f"{source.tenant or ''}/{name}"] = source
    return found


def _said(kind: str, source: Source) -> tuple[str, Any] | None:
    """The name of what a file defines, and that; None if it cannot be read."""
    if kind == VARS:
        variables, findings = read_vars(source)
        return None if findings else ("", variables)
    if kind == LIST:
        listed, _ = read_list(source)
        return None if listed is None else (listed.name, listed.entries)
    calendar, _ = read_calendar(source)
    days = frozenset[str]() if calendar is None else {one.isoformat() for one in calendar.days}
    return None if calendar is None else (calendar.name, days)


def _differences(kind: str, one: Source | None, other: Source | None) -> Iterator[str]:
    before, after = (None if source is None else _said(kind, source) for source in (one, other))
    was, now = (None if side is None else side[1] for side in (before, after))
    if kind == VARS:
        yield from _few(_of_variables(was or {}, now or {}))
    else:
        words = ("entry", "entries") if kind == LIST else ("day", "days")
        yield from _of_entries(words, set(was or ()), set(now or ()))


def _of_entries(words: tuple[str, str], was: set[str], now: set[str]) -> Iterator[str]:
    for said, entries in (("came", now - was), ("went", was - now)):
        if entries:
            yield f"{len(entries):,} {words[len(entries) > 1]} {said}: {_some(entries)}"
    if was == now:
        yield f"the same {words[1]}, written otherwise"


def _of_variables(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*was, *now}):
        if name not in now:
            yield f"the variable `{name}` went"
        elif name not in was:
            yield f"the variable `{name}` came: {flow(now[name])}"
        elif was[name] != now[name]:
            yield f"`{name}` is {flow(now[name])}; it was {flow(was[name])}"


def _of_users(before: Directory, after: Directory) -> Iterator[str]:
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for change in user_changes(before, after):
        key = change.user.domain, tuple(_of_user(change))
        alike.setdefault(key, []).append(change.user.user)
    for (domain, said), users in sorted(alike.items(), key=lambda item: -len(item[1])):
        who = (
            f"`{users[0]}@{domain}`"
            if len(users) == 1
            else f"{len(users):,} users of {domain} ({_some(users)})"
        )
        yield f"{who}: {'; '.join(said)}"
    dialled = {text for _, text in dialled_changes(before, after)}
    if dialled:
        yield f"names and numbers that are dialled: {_some(dialled)}"


def _of_user(change: UserChange) -> Iterator[str]:
    was, now = (_groups(said) for said in (change.before, change.after))
    if now - was:
        yield f"in {_some(now - was)} now"
    if was - now:
        yield f"no longer in {_some(was - now)}"
    for name in change.before:
        one, other = change.before[name], change.after[name]
        if name != "groups" and one != other:
            yield f"{name} {_or_none(other)}, was {_or_none(one)}"


def _groups(said: Said) -> set[str]:
    return set(said["groups"] or ())


def _or_none(value: object) -> str:
    return "none" if value is None else quoted(value)


def _of_numbers(before: NumberPlan, after: NumberPlan) -> Iterator[str]:
    alike: dict[tuple[str | None, str | None], list[str]] = {}
    for prefix, one, other in prefix_changes(before, after):
        alike.setdefault((one, other), []).append(prefix)
    for (was, now), prefixes in alike.items():
        some = _some(prefixes)
        yield f"numbers that begin with {some}: class {_class(now)}, was {_class(was)}"
    for domain in domain_changes(before, after):
        whose = f"phones of {domain}" if domain else "phones of all other domains"
        yield f"{whose} write numbers otherwise"
    codes = code_changes(before, after)
    if codes:
        yield f"star codes of {_some(codes)}"


def _class(name: str | None) -> str:
    return "as the metadata says" if name is None else f"`{name}`"


def _some(names: Collection[str]) -> str:
    """A few of many names, and how many more there are."""
    listed = ", ".join(map(quoted, sorted(names)[:_FEW]))
    more = len(names) - _FEW
    return f"{listed} and {more:,} more" if more > 0 else listed


def _few(lines: Iterable[str]) -> tuple[str, ...]:
    found = list(lines)
    more = len(found) - MAX_LINES
    if more > 0:
        found = [*found[:MAX_LINES], f"and {more:,} more"]
    return tuple(found) or ("nothing that rules can read",)
