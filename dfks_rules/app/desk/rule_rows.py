"""The rules of a set of policies, as operators see them."""

from collections.abc import Iterable, Iterator

from dfks_rules.operations.policies import HoursRow, RuleRow, ScheduleRow
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.language.days import days_text
from dfks_rules.policy.language.document import Effects, Rule, atoms_of
from dfks_rules.policy.language.matchers import Named
from dfks_rules.policy.language.schedules import Hours, Schedule
from dfks_rules.policy.reading.source import Source

_WEEKS = {None: "every", 0: "even", 1: "odd"}


def rule_rows(policies: PolicySet, sources: Iterable[Source]) -> Iterator[RuleRow]:
    """A row for each rule, in order of precedence.

    Args:
        policies: the set.
        sources: the files that it was made of.
    """
    files = {one.name: one.file for one in policies.policies}
    tenants = {one.file: one.tenant for one in sources}
    for rule in policies.rules:
        file = files[rule.id.partition("/")[0]]
        yield RuleRow(
            rule.id,
            rule.title,
            file,
            tenants.get(file),
            rule.shadow,
            _says(rule.effects),
            tuple(_schedule(*one) for one in _schedules(rule)),
        )


def _says(effects: Effects) -> tuple[str, ...]:
    more = {
        "deny": effects.denial is not None,
        "also": bool(effects.also),
        "log": effects.log is not None,
        "final": effects.final,
        "lifts": bool(effects.lifts),
    }
    return (*effects.fields, *(name for name, is_said in more.items() if is_said))


def _schedules(rule: Rule) -> Iterable[tuple[str, Schedule]]:
    """Those that its conditions name, each once."""
    named = (atom.operand for atom in atoms_of(rule.condition))
    return dict.fromkeys(
        (one.name, one.value)
        for one in named
        if isinstance(one, Named) and isinstance(one.value, Schedule)
    )


def _schedule(name: str, schedule: Schedule) -> ScheduleRow:
    hours = sorted(
        HoursRow(day, one.start, one.end, _WEEKS[weekly.weeks])
        for weekly in schedule.weekly
        for day in weekly.weekdays
        for one in weekly.hours
    )
    return ScheduleRow(
        name,
        None if schedule.zone is None else schedule.zone.key,
        tuple(hours),
        tuple(map(days_text, schedule.excepted)),
        tuple(
            f"{days_text(one.days)} {','.join(map(_hours_text, one.hours))}"
            for one in schedule.extra
        ),
    )


def _hours_text(hours: Hours) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in _on_clock(hours))


def _on_clock(hours: Hours) -> tuple[int, int]:
    """Start and end as a clock shows them; the end of a day is 24:00."""
    start, end = hours
    return start, end if end <= 24 * 60 else end - 24 * 60
