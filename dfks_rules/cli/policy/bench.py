"""`dfks policy bench`: how much CPU a decision takes."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import thread_time_ns
from typing import NamedTuple

import click

from dfks_rules.app.desk.policies import load_policies, read_cases
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.cases import is_cases_file, parse_cases
from dfks_rules.policy.studying.witness import witnesses

MOST = 2_000
"""Most requests that are measured."""
ROUNDS = 5
"""How often each request is decided; the fastest counts, as other programs share the machine."""


class Times(NamedTuple):
    """CPU for one decision, µs."""

    p50: float
    """Half of the requests take at most this long."""
    p99: float
    """99 per cent of the requests take at most this long."""


@click.command(name="bench")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Measure the CPU time of decisions by the policies PATHS, files and directories.

    Uses the requests of the cases beside the policies, and witnesses as in `diff`.
    """
    views = [view for path in paths for view in _views_of_cases(path)]
    cases = len(views)
    with closing(load_policies(paths)) as policies:
        views += [one.view for one in islice(witnesses(policies.rules, ()), max(0, MOST - cases))]
        results = measured(policies, views)
    if as_json:
        times = {name: one._asdict() for name, one in results.items()}
        click.echo(json.dumps({"requests": len(views), "of_cases": cases, "us": times}, indent=2))
        return
    click.echo(f"{len(views):,} requests, {cases:,} from cases; µs of CPU per decision:")
    click.echo(f"{'':32}{'p50':>8}{'p99':>8}")
    for name, (p50, p99) in results.items():
        click.echo(f"{name:32}{p50:8.1f}{p99:8.1f}")


def measured(policies: PolicySet, views: Sequence[View]) -> dict[str, Times]:
    """What is measured → its times; every way to decide gets the same requests."""
    return {
        "engine, cached": times(policies.decide_view, views),
        "engine, not cached": times(policies.decide_view, views, before=policies.forget),
        "reference evaluator": times(policies.decide_by_reference, views),
    }


def times(
    decide: Callable[[View], object],
    views: Sequence[View],
    before: Callable[[], None] | None = None,
) -> Times:
    """CPU time of `decide` for each request, minus the cost of reading the clock.

    Args:
        decide: what is measured.
        views: the requests, each decided once before it is measured.
        before: called before each request, and not measured.
    """
    return times_of(spent(decide, views, before))


def spent(
    decide: Callable[[View], object],
    views: Sequence[View],
    before: Callable[[], None] | None = None,
) -> list[float]:
    """CPU time of `decide` for each request, µs; see `times`."""
    clock = min(_once(lambda view: None, views[0]) for _ in range(1_000))
    fastest = []
    for view in views:
        decide(view)
        turns = []
        for _ in range(ROUNDS):
            if before is not None:
                before()
            turns.append(_once(decide, view))
        fastest.append(max(0, min(turns) - clock) / 1_000)
    return fastest


def times_of(spent: Sequence[float]) -> Times:
    """What is told of the times of at least one decision, µs."""
    ordered = sorted(spent)
    return Times(_percentile(ordered, 50), _percentile(ordered, 99))


def _once(decide: Callable[[View], object], view: View) -> int:
    start = thread_time_ns()
    decide(view)
    return thread_time_ns() - start


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest of the values that is not exceeded by this percentage of them."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _views_of_cases(path: Path) -> list[View]:
    files = path.iterdir() if path.is_dir() else path.parent.glob("*.yaml")
    cases = [file for file in sorted(files) if is_cases_file(file.name)]
    return [case.view for source in read_cases(cases) for case in parse_cases(source).cases]
