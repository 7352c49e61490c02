"""`python -m bench.proof`: how long `dfks policy diff` and `dfks policy prove` take to prove."""

import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import yaml

from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proved import prove_alike
from dfks_rules.policy.studying.proving import prove
from dfks_rules.policy.studying.usual import usual

RULES = 50
"""In each tenant's file."""
FEATURES = ("CallForwardingAlways", "CallForwardingBusy", "CallForwardingNoAnswer")
BARS = {
    "one edit, 500 rules": "0.2 s",
    "one edit, 5,000 rules": "1 s",
    "all rewritten, 5,000 rules": "5 s",
    "ten properties, 500 rules": "2 s",
    "ten properties, 5,000 rules": "15 s",
}


def main() -> None:
    """Measure, print, and keep the result as JSON."""
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "unit": "s of CPU after reading the files",
        **dict(figures(10)),
        **dict(figures(100)),
        "bars": BARS,
    }
    text = json.dumps(result, indent=1)
    print(text)
    target = Path(__file__).parent / "results" / "proof.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")


def figures(tenants: int) -> Iterator[tuple[str, float]]:
    """What is measured of so many tenants."""
    rules = f"{tenants * RULES:,} rules"
    old = compiled(tenants)
    yield f"one edit, {rules}", _diff(old, compiled(tenants, edited=True))
    yield f"all rewritten, {rules}", _diff(old, compiled(tenants, rewritten=True))
    yield f"a mandatory rule more, {rules}", _diff(old, compiled(tenants, mandatory=True))
    claims = [Claim(one.when, one.expect) for one in usual()]
    oracle = ReferencePolicySet(old)
    seconds = _cpu(lambda: [prove(claim, oracle, Horizon()) for claim in claims])
    yield f"ten properties, {rules}", round(seconds * 10 / len(claims), 3)


def compiled(tenants: int, **changes: bool) -> CompiledPolicies:
    """A set of tenants, each with rules about lists, networks, hours, patterns, groups, rates.

    Args:
        tenants: how many.
        changes: `edited`: one effect of one rule; `rewritten`: conditions that mean the same;
            `mandatory`: one more rule for all.
    """
    policies = [
        tenant(number, rewritten=changes.get("rewritten", False)) for number in range(tenants)
    ]
    if changes.get("edited"):
        policies[tenants // 2]["rules"][RULES // 2]["then"] = {"deny": "edited"}
    if changes.get("mandatory"):
        rule = {
            "id": "storm",
            "when": {"op": "set", "rate.user": {"gt": 30}},
            "then": {"deny": "storm"},
        }
        policies.append(_policy("all", [rule], band="mandatory"))
    return compile_policies(
        [Source(f"{one['metadata']['name']}.yaml", yaml.safe_dump(one)) for one in policies]
    )


def tenant(number: int, *, rewritten: bool) -> dict[str, Any]:
    """The policy of one tenant."""
    random = Random(number)  # noqa: S311 - the same policies each time
    rules = []
    for place in range(RULES):
        when, unless, then = _rule(place, random)
        if rewritten:
            when = {"all": [{key: value} for key, value in reversed(when.items())]}
            if unless:
                when["all"].append({"not": unless})
                unless = {}
        rules.append(
            {
                "id": f"r{place}",
                "when": when,
                **({"unless": unless} if unless else {}),
                "then": then,
            }
        )
    scope = {"domain": f"t{number}.example"}
    hours = {"tz": "Europe/Berlin", "weekly": ["Mon-Fri 08:00-18:00"], "except": ["2026-12-25"]}
    return _policy(f"t{number}", rules, scope=scope, schedules={"office": hours})


def _rule(place: int, random: Random) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    when: dict[str, Any] = {"op": "set", "feature": FEATURES[place % 3], "request.status": 1}
    unless: dict[str, Any] = {}
    match place % 8:
        case 0:
            when["user"] = [f"user{random.randrange(500)}" for _ in range(6)]
        case 1:
            when["source.ip"] = {"cidr": [f"10.{random.randrange(200)}.0.0/16", "192.0.2.0/24"]}
        case 2:
            when["time"] = {"during": "office"}
            unless = {"groups": {"has": f"g{random.randrange(5)}"}}
        case 3:
            when["user"] = {"regex": f"room-[0-9]{{{random.randrange(2, 5)}}}"}
        case 4:
            when["target.class"] = ["premium", "satellite"]
            unless = {"groups": {"has": ["executives", f"g{random.randrange(5)}"]}}
        case 5:
            when["target.number"] = {"prefix": [f"+{random.randrange(20, 99)}" for _ in range(3)]}
        case 6:
            when["rate.device"] = {"gt": random.randrange(5, 50)}
        case _:
            when["userAgent"] = {"prefix": f"Phone{random.randrange(9)}"}
    effects: list[dict[str, Any]] = [
        {"deny": f"reason-{random.randrange(4)}"},
        {"status": 0},
        {"notify": "requester"},
        {"values": {"forwardTo": f"sip:vm{random.randrange(3)}@example.com"}},
    ]
    return when, unless, random.choice(effects)


def _policy(name: str, rules: list[dict[str, Any]], **head: Any) -> dict[str, Any]:
    top = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": name}}
    return {**top, **head, "rules": rules}


def _diff(old: CompiledPolicies, new: CompiledPolicies) -> float:
    return round(_cpu(lambda: prove_alike(old, new, Horizon())), 3)


def _cpu(act: Callable[[], Any]) -> float:
    began = process_time()
    act()
    return process_time() - began


if __name__ == "__main__":
    main()
