"""What `dfks policy diff` proves, for people and programs."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from dfks_rules.app.desk.policies import read_sources
from dfks_rules.cli.exit_codes import DONE, FAILED, NOT_DECIDED
from dfks_rules.cli.policy.proving_bar import proving_bar
from dfks_rules.cli.policy.zones import solver
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.changed_proof import Changed, Side, prove_whole
from dfks_rules.policy.studying.compare import Group, said
from dfks_rules.policy.studying.proved import Proof
from dfks_rules.yaml.scalar import flow

_PLURALS = {
    Operation.GET: "gets",
    Operation.SET: "sets",
    Operation.SUBSCRIBE: "permission to subscribe",
}
_QUANTIFIERS = {Operation.GET: "all ", Operation.SET: "all ", Operation.SUBSCRIBE: ""}
_SECONDS = 60.0
"""For comparing what changed files change; what is not compared by then is not decided."""


def show_proof(old: Path, new: Path, horizon: Horizon, form: str) -> int:
    """Compare two sets of policies for all requests; gives the exit code.

    Raises:
        PolicyError: a file is invalid.
    """
    with proving_bar() as show:

        def progress(done: int, of: int, found: int) -> None:
            show(done, of, f"questions, {found:,} differences")

        began = time.monotonic()
        sources = [read_sources([path]) for path in (old, new)]
        before, after = (Side(some, compile_policies(some)) for some in sources)
        proof, changed = prove_whole(
            before,
            after,
            horizon,
            solver=solver(),
            progress=progress,
            late=partial(_is_past, time.monotonic() + _SECONDS),
        )
    groups = proof.groups
    seconds = time.monotonic() - began
    if form == "json":
        told = _as_json(proof, groups, changed, seconds)
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_as_text(proof, changed, seconds)))
    if proof.different:
        return FAILED
    return NOT_DECIDED if proof.doubts else DONE


def _is_past(moment: float) -> bool:
    return time.monotonic() > moment


def group_text(group: Group) -> tuple[str, str]:
    """What is decided differently, and facts that show it."""
    key = group.key
    was, becomes = said(group.old, key.changed), said(group.new, key.changed)
    about = " ".join(filter(None, (key.op, key.feature)))
    return (
        f"{about}: was {was}, becomes {becomes}",
        f"  given: {flow(group.given)}{remark(group.note)}",
    )


def groups_text(groups: Iterable[Group]) -> Iterator[str]:
    """All that is decided differently; of features that differ alike, the first one shows it."""
    alike: dict[str, list[Group]] = {}
    for group in groups:
        given = {name: value for name, value in group.given.items() if name != "feature"}
        what = group_text(group)[0].partition(": ")[2]
        told = f"{group.key.op} {what} {flow(given)}{remark(group.note)}"
        alike.setdefault(told, []).append(group)
    for some in alike.values():
        first, given_text = group_text(some[0])
        features = ", ".join(group.key.feature for group in some if group.key.feature)
        if len(some) > 1:
            first = f"{some[0].key.op} {features}: {first.partition(': ')[2]}"
        yield from (first, given_text)


def remark(note: str | None) -> str:
    """A note as a comment at the end of a line of YAML."""
    return f"    # {note}" if note else ""


def group_json(group: Group) -> dict[str, Any]:
    """A difference, for programs."""
    return {
        "op": group.key.op,
        "feature": group.key.feature,
        "changed": group.key.changed,
        "given": group.given,
        "note": group.note,
        "old": answer_of(group.old),
        "new": answer_of(group.new),
    }


def changed_text(changed: Changed) -> Iterator[str]:
    """A file that has changed, what has, and what follows from that."""
    yield f"changed: {changed.file.name}"
    yield from (f"  {line}" for line in changed.file.lines)
    proof = changed.proof
    if proof is None:
        yield "  what that changes is part of what is told above"
    elif changed.is_beside:
        yield from (f"  {line}" for line in groups_text(proof.differences.groups))
        if proof.differences.ungrouped:
            yield f"  {proof.differences.ungrouped:,} more differ in other ways"
    elif proof.differences.groups:
        yield "  it changes what is told above, such as"
        yield f"  {group_text(proof.differences.groups[0])[1]}"
    if proof is not None and not proof.different:
        yield (
            f"  {proof.doubts[0]}" if proof.doubts else "  proved: the change changes no decision"
        )


def changed_json(changed: Changed) -> dict[str, Any]:
    """The same, for programs."""
    proof = changed.proof
    return {
        "files": changed.file.name,
        "kind": changed.file.kind,
        "lines": changed.file.lines,
        "proved": proof and not proof.different and not proof.doubts,
        "groups": [group_json(group) for group in proof.differences.groups] if proof else [],
    }


def _as_text(proof: Proof, changed: Sequence[Changed], seconds: float) -> Iterator[str]:
    yield from groups_text(proof.differences.groups)
    if proof.differences.ungrouped:
        yield f"{proof.differences.ungrouped:,} more differ in other ways"
    for one in changed:
        yield from changed_text(one)
    for doubt in proof.doubts:
        yield str(doubt)
    took = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    limits = f"{proof.horizon}; {took}" if proof.is_timed else took
    if not proof.different and not proof.doubts:
        yield f"proved equivalent: every request is decided alike ({limits})"
        return
    proved = [
        f"{_QUANTIFIERS[one]}{'other ' * (one in proof.different)}{_PLURALS[one]}"
        for one in Operation
        if not any(doubt.question is None or doubt.question[0] is one for doubt in proof.doubts)
    ]
    if proved:
        yield f"proved: {', '.join(proved)} are decided as before ({limits})"


def _as_json(
    proof: Proof, groups: Sequence[Group], changed: Sequence[Changed], seconds: float
) -> dict[str, Any]:
    return {
        "proved": not proof.different and not proof.doubts,
        "different": len(groups),
        "groups": [group_json(group) for group in groups],
        "changed": [changed_json(one) for one in changed],
        "undecided": [_doubt(*doubt) for doubt in proof.doubts],
        "horizon": str(proof.horizon) if proof.is_timed else None,
        "seconds": round(seconds, 3),
    }


def _doubt(question: Any, domain: str | None, reason: str) -> dict[str, Any]:
    operation, feature = question or (None, None)
    return {
        "op": operation and operation.value,
        "feature": feature and feature.value,
        "domain": domain,
        "reason": reason,
    }
