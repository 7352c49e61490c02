"""A script of OpenSIPS → a policy, and what could not be carried over."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.routes import read_script
from dfks_rules.policy.migrating.walking import Block, Note, Walk
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.schema_pieces import MAX_RULES
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.words.wording import printable
from dfks_rules.yaml.scalar import flow

MAX_CONDITIONS = 256
"""Most conditions of a rule: so many returns may come before it that ask different things."""
MOST_CHARACTERS = 100_000
"""Most of the rules of one file, which are more once they are laid out."""
MOST_RULES = 5_000
"""Most rules that are made of a script."""
MOST_IN_ALL = 20_000_000
"""Most characters of all rules: there are priorities for 500 files."""
_TOO_MANY = f"more than {MOST_RULES} rules come before it"
_TOO_LONG = "the rules up to here are too long for the files that there may be"
_PRIORITY = 500
"""What policies have that say none."""

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
    notes = [Note(line, printable(what)) for what, line in read.problems]
    routes = {Operation.SET: read.set_route, Operation.GET: read.get_route}
    if not read.routes.keys() & set(routes.values()):
        names = " and ".join(f"`route[{name}]`" for name in routes.values())
        notes.append(Note(1, f"the script has neither of {names}"))
    for operation, route in routes.items():
        walk = Walk(read, operation)
        walk.go(route)
        notes += walk.notes
        for block in reversed(walk.blocks):  # Of assignments the last counts.
            if block.path.size <= MAX_CONDITIONS:
                rules.append(_rule(block, operation))
            else:
                what = f"more than {MAX_CONDITIONS} conditions decide whether this is reached"
                notes += [Note(line, what) for line in block.lines]
    usable: list[CarriedRule] = []
    size = 0
    for one in _named_once(rules):
        size += len(flow(one.rule))
        if size > MOST_IN_ALL:
            problem: str | None = _TOO_LONG
        else:
            problem = _problem(one.rule) if len(usable) < MOST_RULES else _TOO_MANY
        if problem is None:
            usable.append(one)
        else:
            notes += [Note(line, problem) for line in dict.fromkeys(one.lines)]
    return Carried(tuple(usable), tuple(sorted(set(notes))))


def policy_texts(carried: Carried, name: str, script: str) -> dict[str, str]:
    """The policies as files, as many as are needed for all rules.

    Args:
        carried: the rules.
        name: of the first policy; the others have a number besides.
        script: name of the file that it comes from.

    Returns:
        Name of a policy → its text, those that come first in precedence first.
    """
    parts: list[list[CarriedRule]] = [[]]
    size = 0
    for one in carried.rules:
        own_size = len(flow(one.rule))
        if parts[-1] and (size + own_size > MOST_CHARACTERS or len(parts[-1]) == MAX_RULES):
            parts.append([])
            size = 0
        size += own_size
        parts[-1].append(one)
    texts: dict[str, str] = {}
    for number, part in enumerate(parts):
        own = f"{name}-{number + 1}" if number else name
        some = Carried(tuple(part), () if number else carried.notes)
        texts[own] = policy_text(some, own, script, _PRIORITY - number)
    return texts


def policy_text(carried: Carried, name: str, script: str, priority: int = _PRIORITY) -> str:
    """A policy as a file; what was not carried is told in comments.

    Args:
        carried: the rules.
        name: of the policy.
        script: name of the file that it comes from.
        priority: of the policy.
    """
    lines = [f"# From the routes of {printable(script)}."]
    lines += [f"# Not carried, line {line}: {message}" for line, message in carried.notes]
    lines += ["apiVersion: dfks/v1", "kind: Policy", f"metadata: {{name: {name}}}"]
    if priority != _PRIORITY:
        lines.append(f"priority: {priority}")
    lines.append("rules:" if carried.rules else "rules: []")
    for rule, numbers in carried.rules:
        places = sorted(set(numbers))
        lines.append(f"  # line{'s' * (len(places) > 1)} {', '.join(map(str, places))}")
        for position, (key, value) in enumerate(rule.items()):
            lines.append(f"  {'  ' if position else '- '}{key}: {flow(value)}")
    return "\n".join(lines) + "\n"


def _rule(block: Block, operation: Operation) -> CarriedRule:
    when, unless = block.path.conditions()
    rule: Rule = {"id": f"{operation.value}-{block.lines[0]}"}
    rule["when"] = {"op": operation.value, **when}
    if unless:
        rule["unless"] = unless
    return CarriedRule({**rule, "then": block.effects}, tuple(block.lines))


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
