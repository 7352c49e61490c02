"""The schedules of a file, and tests of their hours.

Where a schedule takes its zone from the user, a test of it is one for each zone that the directory
has, and one by the server's clock for everybody else. So nothing beyond this file knows of it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.families import attribute_in
from dfks_rules.policy.language.days import Calendar
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.expiry import During, DuringOfUser
from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.language.schedules import (
    Schedule,
    ScheduleError,
    parse_schedule,
    parse_zone,
)
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.yaml.tree import Path, Tree

MAX_ZONES = 30
"""Most zones that users of one schedule have: a rule has an alternative for each."""


class _Entry(NamedTuple):
    """One entry of `schedules`."""

    schedule: Schedule
    """By the server's clock where the zone is the user's."""
    zone_from: str | None
    """The fact that has the zone; None: it is the same for all."""
    zones: tuple[str, ...]
    """Those that users have, sorted."""

    @property
    def by_zone(self) -> list[tuple[str, Schedule]]:
        """The schedule in each of these zones."""
        return [(one, self.schedule._replace(zone=parse_zone(one))) for one in self.zones]


class Hours:
    """The schedules of one file."""

    def __init__(
        self,
        tree: Tree,
        calendars: Mapping[str, Calendar],
        directory: Directory,
        findings: list[Finding],
    ) -> None:
        """Read them all.

        Args:
            tree: the file, which conforms to the schema.
            calendars: what its schedules may refer to.
            directory: has the zones of users.
            findings: takes up what is wrong, here and where schedules are named.
        """
        self._tree = tree
        self._calendars = calendars
        self._directory = directory
        self._findings = findings
        self._entries: dict[str, _Entry | None] = {}
        """None for an invalid one, which has a finding."""
        for name in tree.value.get("schedules", {}):
            self._entries[name] = self._read(name)

    def lasting(self, name: str, path: Path) -> During | DuringOfUser:
        """What lasts as long as the hours of the schedule that is named at a path."""
        entry = self._entry(name, path)
        usual = During(Named(name, entry and entry.schedule))
        if entry is None or entry.zone_from is None:
            return usual
        zones = tuple((zone, During(Named(name, one))) for zone, one in entry.by_zone)
        return DuringOfUser(entry.zone_from, zones, usual)

    def during(self, fact: str, name: str, path: Path, *, is_denied: bool) -> Condition:
        """Whether it is within the hours of a schedule.

        Args:
            fact: `time` or `now`.
            name: of the schedule.
            path: where it is named.
            is_denied: whether the condition stands below a negation: it is put so that negating it
                does not multiply alternatives.
        """
        entry = self._entry(name, path)
        if entry is None or entry.zone_from is None:
            return Atom(fact, "during", Named(name, entry and entry.schedule))
        others = Atom(entry.zone_from, "in", frozenset(entry.zones))
        ways: list[tuple[Condition, Schedule]] = [(Not(others), entry.schedule)]
        ways += [(Atom(entry.zone_from, "eq", zone), one) for zone, one in entry.by_zone]
        tests = [(guard, Atom(fact, "during", Named(name, one))) for guard, one in ways]
        if is_denied:
            return Not(AnyOf(tuple(AllOf((guard, Not(test))) for guard, test in tests)))
        return AnyOf(tuple(AllOf(pair) for pair in tests))

    def _entry(self, name: str, path: Path) -> _Entry | None:
        if name not in self._entries:
            message = phrase(
                "unknown schedule `{name}`{hint}", name=name, hint=did_you_mean(name, self._entries)
            )
            self._findings.append(self._tree.finding(path, "policy_unknown_schedule", message))
        return self._entries.get(name)

    def _read(self, name: str) -> _Entry | None:
        written = dict(self._tree.value["schedules"][name])
        zone = written.get("tz")
        fact = zone["from"] if isinstance(zone, dict) else None
        if fact is not None:
            del written["tz"]
        try:
            schedule = parse_schedule(written, self._calendars)
        except ScheduleError as error:
            for path, message in error.problems:
                self._report((name, *path), message)
            return None
        return _Entry(schedule, fact, self._zones(name, fact) if fact else ())

    def _zones(self, name: str, fact: str) -> tuple[str, ...]:
        """The zones that users have, of which each must be one."""
        attribute = attribute_in(fact)
        zones = sorted(self._directory.values_of(attribute)) if attribute else []
        if attribute is None:
            self._report(
                (name, "tz", "from"), phrase("`{fact}` is no attribute of a user", fact=fact)
            )
        if len(zones) > MAX_ZONES:
            message = phrase(
                "users have {count} different values of `{fact}`; at most {max_zones}",
                count=len(zones),
                fact=fact,
                max_zones=MAX_ZONES,
            )
            self._report((name, "tz", "from"), message)
            return ()
        for zone in zones:
            try:
                parse_zone(zone)
            except ValueError as error:
                self._report(
                    (name, "tz", "from"),
                    phrase("in the directory, `{fact}`: {error}", fact=fact, error=error),
                )
                return ()
        return tuple(zones)

    def _report(self, path: Path, message: str) -> None:
        finding = self._tree.finding(("schedules", *path), "policy_schedule", message)
        self._findings.append(finding)
