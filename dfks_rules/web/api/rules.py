"""The rules in force, one by one: what they say, and whether they ever matched."""

from typing import Any

from dfks_rules.operations.decisions import Use
from dfks_rules.operations.policies import RuleRow, ScheduleRow
from dfks_rules.operations.turns import Turns
from dfks_rules.web.caller import Scope
from dfks_rules.web.schemas import ref
from dfks_rules.web.table import Answer, Call, Operation, Reply

MAX_RULES = 2_000
"""Rules that one answer has."""
_NEVER = Use(0, 0, "")


async def list_(call: Call) -> Answer:
    """Each with what became of it in the decisions that are kept."""
    domains, turns = call.caller.domains, Turns()
    revision = call.operations.policies.listing().revision
    rules = call.operations.rules()  # Before others are in force, while uses are counted.
    uses = await call.operations.decisions.uses(revision, domains)
    rows: list[dict[str, Any]] = []
    more = 0
    for row in rules:
        if domains is None or row.tenant in domains:
            if len(rows) < MAX_RULES:
                shown = row if domains is None else _within(row)
                rows.append(_row(shown, uses.rules.get(row.rule, _NEVER)))
            else:
                more += 1
        await turns.step()
    told = {
        "revision": revision,
        "since": uses.since,
        "decisions": uses.decisions,
        "rules": rows,
        "more": more,
    }
    return Answer(told)


def _within(row: RuleRow) -> RuleRow:
    """With its file's path from the folder of policies on: no tenant need know where that is."""
    _, folder, name = row.file.rpartition(f"tenants/{row.tenant}/")
    return row._replace(file=folder + name)


def _row(row: RuleRow, use: Use) -> dict[str, Any]:
    return {
        "rule": row.rule,
        "title": row.title,
        "file": row.file,
        "tenant": row.tenant,
        "shadow": row.shadow,
        "says": row.says,
        "matched": use.matched,
        "decided": use.decided,
        "last": use.last or None,
        "schedules": [_schedule(one) for one in row.schedules],
    }


def _schedule(row: ScheduleRow) -> dict[str, Any]:
    return {**row._asdict(), "hours": [one._asdict() for one in row.hours]}


OPERATIONS = (
    Operation(
        "listRules",
        "GET",
        "/v1/policies/rules",
        Scope.POLICIES_READ,
        "Lists the rules in force in order of precedence, with how often each has matched.",
        list_,
        (Reply(200, "The rules.", ref("Rules")),),
        description="What is counted are the decisions that this server keeps (`decisions.keep`) "
        "and that these policies made, from the oldest one (`since`) on. At most "
        f"{MAX_RULES:,} rules are listed. A token that is limited to domains sees the rules of "
        "these tenants only.",
    ),
)
