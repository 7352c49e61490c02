"""A script of OpenSIPS → a policy, and what could not be carried over."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.conditions import Condition, excludes, literals, merge
from dfks_rules.policy.migrating.script import read_script
from dfks_rules.policy.migrating.walking import Block, Note, Walk
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.words.wording import printable
from dfks_rules.yaml.scalar import flow

Rule = dict[str, Any]
"""As a policy writes it."""


class CarriedRule(NamedTuple):
    """One rule, and where it comes from."""

    rule: Rule
    """As a policy writes it."""
    lines: tuple[int, ...]
    """Of the script."""


class Carried(NamedTuple):
    """All that became of a script."""

    rules: tuple[CarriedRule, ...]
    """In order of precedence."""
    notes: tuple[Note, ...]
    """What was not carried, by line."""


def carry(script: str) -> Carried:
    """The rules that do what the routes of a script do."""
    read = read_script(script)
    rules: list[CarriedRule] = []
    notes: list[Note] = []
    routes = {Operation.SET: read.set_route, Operation.GET: read.get_route}
    if not read.routes.keys() & set(routes.values()):
        names = " and ".join(f"`route[{name}]`" for name in routes.values())
        notes.append(Note(1, f"the script has neither of {names}"))
    for operation, route in routes.items():
        walk = Walk(read, operation)
        walk.go(route)
        rules += _rules(walk.blocks, operation)
        notes += walk.notes
    usable: list[CarriedRule] = []
    for one in _named_once(rules):
        problem = _problem(one.rule)
        if problem is None:
            usable.append(one)
        else:
            notes.append(Note(one.lines[0], problem))
    return Carried(tuple(usable), tuple(sorted(set(notes))))


def policy_text(carried: Carried, name: str, script: str) -> str:
    """The policy as a file; what was not carried is told in comments.

    Args:
        carried: the rules.
        name: of the policy.
        script: name of the file that it comes from.
    """
    lines = [f"# From the routes of {printable(script)}."]
    lines += [f"# Not carried, line {line}: {message}" for line, message in carried.notes]
    lines += ["apiVersion: dfks/v1", "kind: Policy", f"metadata: {{name: {name}}}"]
    lines.append("rules:" if carried.rules else "rules: []")
    for rule, numbers in carried.rules:
        several = len(numbers) > 1
        lines.append(f"  # line{'s' * several} {', '.join(map(str, sorted(set(numbers))))}")
        for position, (key, value) in enumerate(rule.items()):
            lines.append(f"  {'  ' if position else '- '}{key}: {flow(value)}")
    return "\n".join(lines) + "\n"


def _rules(blocks: list[Block], operation: Operation) -> Iterator[CarriedRule]:
    """The later a block, the earlier its rule: of assignments the last counts."""
    for path, effects, lines in reversed(blocks):
        when, unless = _parted(path)
        rule: Rule = {"id": f"{operation.value}-{lines[0]}"}
        rule["when"] = {"op": operation.value, **when}
        if unless:
            rule["unless"] = unless
        yield CarriedRule({**rule, "then": effects}, tuple(lines))


def _parted(path: Condition) -> tuple[Condition, Condition]:
    """What must hold, and what must not, without what goes without saying."""
    parts: list[Condition] = []
    for part in literals(path):
        if part not in parts:
            parts.append(part)
    wanted = [part for part in parts if "not" not in part]
    unwanted = [part["not"] for part in parts if "not" in part]
    unwanted = [one for one in unwanted if not any(excludes(one, other) for other in wanted)]
    merged = merge(wanted)
    when = {"all": wanted} if merged is None else merged
    return when, unwanted[0] if len(unwanted) == 1 else {"any": unwanted} if unwanted else {}


def _named_once(rules: list[CarriedRule]) -> Iterator[CarriedRule]:
    """A route that is called twice gives rules twice."""
    seen: dict[str, int] = {}
    for rule, lines in rules:
        name = rule["id"]
        seen[name] = seen.get(name, 0) + 1
        again = "" if seen[name] == 1 else f"-{seen[name]}"
        yield CarriedRule({**rule, "id": f"{name}{again}"}, lines)


def _problem(rule: Rule) -> str | None:
    """Why a rule cannot be used; None if it can."""
    carried = Carried((CarriedRule(rule, (1,)),), ())
    findings = check([Source("rule.yaml", policy_text(carried, "p", "script"))]).findings
    return next((one.message for one in findings if one.severity == "error"), None)
