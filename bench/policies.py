"""`make bench-policies`: what many rules cost, beside other engines with the same rules."""

import json
import platform
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

from bench.peers import PEERS, Barred, is_there
from dfks_rules.app.desk.policies import load_policies
from dfks_rules.cli.policy.bench import measured, times
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.lint.findings import lint as lint_policies
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.witness import witnesses

TENANTS = 100
RULES = 50
"""In each tenant's file, usually."""
REQUESTS = 1_000
FEATURES = ("CallForwardingAlways", "CallForwardingBusy", "CallForwardingNoAnswer")
EXAMPLES = Path(__file__).parent.parent / "policies" / "examples"


def main() -> None:
    """Measure, print, and keep the result as JSON."""
    few, many = barred(10), barred(TENANTS)
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "unit": "µs of CPU for a decision, unless it says another",
        "examples": examples(),
        "rules_500": {**decisions(few), **lint(few)},
        "rules_500_of_one_domain": decisions(barred(1, 500)),
        "rules_5000": decisions(many),
        "bars": {
            "check and compile 5,000 rules": "10 s",
            "5,000 rules, engine, not cached, p99": "300 µs",
            "examples, engine, cached, p50": "20 µs",
        },
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    target = Path(__file__).parent / "results" / "policies.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")


def barred(tenants: int, rules: int = RULES) -> list[Barred]:
    """So many rules for each of so many tenants: a third each on target, user and phone."""
    return [
        Barred(
            f"t{tenant}.example",
            FEATURES[number % 3],
            fact,
            prefix.format(number),
            f"r{number}",
        )
        for tenant in range(tenants)
        for number in range(rules)
        for fact, prefix in [_FACTS[number // 3 % 3]]
    ]


_FACTS = (("request.forwardTo", "+49{}00"), ("user", "u{}-"), ("userAgent", "Maker{} "))


def sources(rules: list[Barred]) -> list[Source]:
    """The rules as policy files, one for each domain."""
    files = []
    for domain in dict.fromkeys(rule.domain for rule in rules):
        lines = [
            "apiVersion: dfks/v1",
            "kind: Policy",
            f"metadata: {{name: {domain.partition('.')[0]}}}",
            f"scope: {{domain: {domain}}}",
            "rules:",
        ]
        for rule in rules:
            if rule.domain == domain:
                lines += [
                    f"  - id: {rule.reason}",
                    f"    when: {{op: set, feature: {rule.feature}, "
                    f'{rule.fact}: {{prefix: "{rule.prefix}"}}}}',
                    f"    then: {{deny: {rule.reason}}}",
                ]
        files.append(Source(f"{domain}.yaml", "\n".join(lines) + "\n"))
    return files


def requests(rules: list[Barred]) -> list[View]:
    """Sets spread over rules and domains; every second is one that its rule refuses."""
    views = []
    for number in range(REQUESTS):
        rule = rules[number * 7919 % len(rules)]
        given = {
            "op": "set",
            "feature": rule.feature,
            "request.status": 1,
            "domain": rule.domain,
            "request.forwardTo": f"+1212555{number:04}",
            "user": f"alice{number}",
            "userAgent": "Phone 1.0",
        }
        if number % 2:
            given[rule.fact] = f"{rule.prefix}{number}"
        views.append(view_of(given))
    return views


def decisions(rules: list[Barred]) -> dict[str, Any]:
    """Set-up, and decisions by our engine, our plain evaluator and the others."""
    files, views = sources(rules), requests(rules)
    seconds, checked = _cpu(lambda: check(files))
    assert checked[1] == []
    result: dict[str, Any] = {"check_s": seconds}
    result["check_and_compile_s"], policies = _cpu(lambda: load(files))
    with closing(policies):
        refused = [policies.decide_view(view).denial is not None for view in views]
        assert refused == [bool(number % 2) for number in range(REQUESTS)]
        for view in views[:20]:
            assert policies.decide_by_reference(view) == policies.decide_view(view)
        some = views if len(rules) <= 500 else views[:100]
        for name, figures in measured(policies, some).items():
            result[name] = _rounded(figures._asdict())
    for name, (module, set_up) in PEERS.items():
        if not is_there(module):
            result[name] = f"not measured: `{module}` is not installed"
            continue
        seconds, refuses = _cpu(lambda set_up=set_up: set_up(rules))  # type: ignore[misc]
        some, known = views[:50], refused[:50]
        assert [refuses(view) for view in some] == known, name
        result[name] = {"set_up_s": seconds, **_rounded(times(refuses, some)._asdict())}
    return result


def lint(rules: list[Barred]) -> dict[str, Any]:
    """CPU of the checks beyond right and wrong, if this version has them."""
    checked, _, _ = check(sources(rules))
    seconds, _ = _cpu(lambda: lint_policies(checked))
    return {"lint_s": seconds}


def examples() -> dict[str, Any]:
    """The policies that we ship as examples, each by itself."""
    result = {}
    for path in sorted(EXAMPLES.iterdir()):
        with closing(load_policies([path])) as policies:
            views = [one.view for one in islice(witnesses(policies.rules, ()), REQUESTS)]
            result[path.name] = {
                name: _rounded(one._asdict()) for name, one in measured(policies, views).items()
            }
    return result


def _cpu(act: Callable[[], Any]) -> tuple[float, Any]:
    """CPU of this process, s, and what came of it."""
    start = process_time()
    made = act()
    return round(process_time() - start, 2), made


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in figures.items()}


if __name__ == "__main__":
    main()
