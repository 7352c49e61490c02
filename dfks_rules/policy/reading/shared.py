"""Files of what policies refer to by name: lists, variables, calendars.

A tenant's file is seen by the tenant's own files only; where it has a name that is also in a file
for all, the tenant's is meant.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple, TypeVar

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.days import Calendar
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.reading.memory import AFRESH, Afresh
from dfks_rules.policy.reading.read_calendar import read_calendar
from dfks_rules.policy.reading.read_list import read_list
from dfks_rules.policy.reading.read_vars import read_vars
from dfks_rules.policy.reading.source import CALENDAR, LIST, VARS, Source, kind_of

_V = TypeVar("_V")
_Owned = dict[str | None, dict[str, _V]]
"""Tenant (None: everybody) → name → what it is."""


class Shared(NamedTuple):
    """What one file may refer to besides what it defines itself."""

    variables: Mapping[str, Any]
    """Name → value."""
    lists: Mapping[str, NamedList]
    """Name → list."""
    calendars: Mapping[str, Calendar]
    """Name → calendar."""
    list_files: Mapping[str, Source]
    """Name of a list → the file that it is in."""


NOTHING_SHARED = Shared({}, {}, {}, {})
"""No file defines anything for others."""


class SharedFiles:
    """What all files define for others."""

    def __init__(self, sources: Sequence[Source], memory: Afresh = AFRESH) -> None:
        """Reads the files of these kinds, and collects `findings`.

        Codes are those of `read_list`, `read_vars` and `read_calendar`, and `policy_duplicate_name`
        where two files of one owner define the same name.

        Args:
            sources: files of all kinds.
            memory: reads them.
        """
        self._memory = memory
        self.findings: list[Finding] = []
        self._variables: _Owned[Any] = {}
        self._lists: _Owned[NamedList] = {}
        self._calendars: _Owned[Calendar] = {}
        self._list_files: _Owned[Source] = {}
        self._files: dict[tuple[str | None, str, str], str] = {}
        """(tenant, kind, name) → the file that defines it."""
        for source in sources:
            self._read(source, kind_of(source))

    def of(self, tenant: str | None) -> Shared:
        """What a file of this owner may refer to."""
        return Shared(
            _seen(self._variables, tenant),
            _seen(self._lists, tenant),
            _seen(self._calendars, tenant),
            _seen(self._list_files, tenant),
        )

    def _read(self, source: Source, kind: str) -> None:
        if kind == LIST:
            listed, findings = self._memory.of(read_list, source)
            self.findings += findings
            if listed is None and source.file.endswith(".csv"):
                # It is there, so who refers to it has made no mistake.
                self._define(source, kind, self._lists, _empty(source, NamedList))
            elif listed is not None:
                self._define(source, kind, self._lists, {listed.name: listed})
                self._list_files.setdefault(source.tenant, {}).setdefault(listed.name, source)
        elif kind == VARS:
            variables, findings = self._memory.of(read_vars, source)
            self.findings += findings
            self._define(source, kind, self._variables, variables)
        elif kind == CALENDAR:
            calendar, findings = self._memory.of(read_calendar, source)
            self.findings += findings
            found = _empty(source, Calendar) if calendar is None else {calendar.name: calendar}
            self._define(source, kind, self._calendars, found)

    def _define(
        self, source: Source, kind: str, owned: _Owned[_V], defined: Mapping[str, _V]
    ) -> None:
        own = owned.setdefault(source.tenant, {})
        for name, value in defined.items():
            first = self._files.setdefault((source.tenant, kind, name), source.file)
            if name in own:
                message = phrase(
                    "the name `{name}` is already used by `{first}`", name=name, first=first
                )
                self.findings.append(Finding(source.file, 1, 1, "policy_duplicate_name", message))
            own.setdefault(name, value)


def _empty(source: Source, make: Callable[[str, frozenset[Any]], _V]) -> dict[str, _V]:
    """What stands for what cannot be read, by the name of its file."""
    name = PurePath(source.file).stem
    return {name: make(name, frozenset())}


def _seen(owned: _Owned[_V], tenant: str | None) -> dict[str, _V]:
    own = owned.get(tenant, {}) if tenant is not None else {}
    return {**owned.get(None, {}), **own}
