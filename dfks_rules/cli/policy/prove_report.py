"""The output of `dfks policy prove` for people, programs, build servers and code hosts."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from dfks_rules.cli.policy.case_report import xml
from dfks_rules.cli.policy.proof_report import remark
from dfks_rules.cli.policy.reports import command_data, command_property
from dfks_rules.policy.deciding.answer import Answer
from dfks_rules.policy.studying.proof_files import Property
from dfks_rules.policy.studying.proving import Proved, Verdict
from dfks_rules.yaml.scalar import flow

_GOOD = {Verdict.PROVED}


class Ran(NamedTuple):
    """One property, and what became of it."""

    file: str
    """Path of its file; empty for a ready-made one."""
    claim: Property
    """The property."""
    proved: Proved
    """The result."""

    @property
    def where(self) -> str:
        """Its place, for people."""
        return f"{self.file}:{self.claim.line}: " if self.file else ""


def human(ran: Sequence[Ran]) -> str:
    """One line for each, a case for each that is refuted, and the counts."""
    lines: list[str] = []
    for one in ran:
        lines.append(f"{one.where}{one.proved.verdict.value}: {one.claim.name}{_addition(one)}")
        lines += _case(one)
    counts = Counter(one.proved.verdict for one in ran)
    told = ", ".join(
        f"{counts[one]} {one.value}" for one in Verdict if counts[one] or one is not Verdict.VACUOUS
    )
    return "\n".join([*lines, f"{_count(len(ran))}: {told}"])


def as_json(ran: Sequence[Ran]) -> str:
    """One object."""
    return json.dumps({"proofs": [_json(one) for one in ran]}, indent=2, ensure_ascii=False)


def junit(ran: Sequence[Ran]) -> str:
    """JUnit XML; a property is a testcase, its file the class."""
    bad = [one for one in ran if one.proved.verdict not in _GOOD]
    suite = ElementTree.Element(
        "testsuite", name="dfks policy prove", tests=str(len(ran)), failures=str(len(bad))
    )
    for one in ran:
        entry = ElementTree.SubElement(
            suite,
            "testcase",
            classname=one.file or "usual",
            name=xml(one.claim.name),
            line=str(one.claim.line),
        )
        if one.proved.verdict not in _GOOD:
            message = xml(f"{one.proved.verdict.value}{_addition(one)}")
            failure = ElementTree.SubElement(entry, "failure", message=message)
            failure.text = xml("\n".join(_case(one)))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def github(ran: Sequence[Ran]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a change."""
    lines = []
    for one in ran:
        if one.proved.verdict not in _GOOD:
            place = {"file": one.file, "line": str(one.claim.line)} if one.file else {}
            told = ",".join(f"{key}={command_property(value)}" for key, value in place.items())
            message = f"{one.proved.verdict.value}: {one.claim.name}{_addition(one)}"
            text = command_data("\n".join([message, *_case(one)]))
            lines.append(f"::error {told}::{text}")
    return "\n".join([*lines, human(ran).rpartition("\n")[2]])


FORMATS: dict[str, Callable[[Sequence[Ran]], str]] = {
    "human": human,
    "json": as_json,
    "junit": junit,
    "github": github,
}
"""Name of a format → what writes it."""


def _addition(one: Ran) -> str:
    proved = one.proved
    match proved.verdict:
        case Verdict.PROVED:
            return f" ({proved.horizon})" if proved.horizon else ""
        case Verdict.UNDECIDED:
            return f": {proved.reason}"
        case Verdict.VACUOUS:
            return ": no request can pass its conditions [policy_vacuous_proof]"
        case Verdict.REFUTED:
            return ": there is no such request" if one.claim.is_some else ""


def _case(one: Ran) -> Iterator[str]:
    """A case to paste into a file of cases."""
    shown = one.proved.shown
    if shown is None or one.proved.verdict is not Verdict.REFUTED:
        return
    yield f"  - name: {flow(one.claim.name)}"
    yield f"    given: {flow(shown.given)}{remark(shown.note)}"
    expect = _expectations(one.claim)
    seen = f"    # in fact: {_decided(expect, shown.answer)}"
    yield f"    expect: {flow(expect)}{seen}" if expect else f"    expect: {_as_now(shown.answer)}"


def _expectations(claim: Property) -> dict[str, Any]:
    """What a case may expect; it has one reason at most."""
    expect = dict(claim.expect)
    if isinstance(expect.get("reason"), list):
        del expect["reason"]
        expect.setdefault("decision", "deny")
    return expect


def _decided(expect: dict[str, Any], answer: Answer) -> str:
    """What is decided where something else was expected, in words."""
    parts: dict[str, None] = {}
    for key in expect:
        seen = answer[key]
        match key:
            case "decision":
                parts[str(seen)] = None
            case "reason":
                parts["allow" if seen is None else f"deny {seen}"] = None
            case "by":
                parts |= dict.fromkeys(_by(field, seen.get(field)) for field in expect[key])
            case "values":
                parts |= dict.fromkeys(_value(name, seen.get(name)) for name in expect[key])
            case _:
                parts[_value(key, seen)] = None
    if "deny" in parts and any(one.startswith("deny ") for one in parts):
        del parts["deny"]
    return ", ".join(parts)


def _by(field: str, rule: str | None) -> str:
    if field == "deny":
        return "no rule denies it" if rule is None else f"denied by {rule}"
    return f"no rule decides `{field}`" if rule is None else f"`{field}` decided by {rule}"


def _value(name: str, value: Any) -> str:
    if value is None:
        return f"no {name}"
    return f"{name} {str(value).lower() if isinstance(value, bool) else value}"


def _as_now(answer: Answer) -> str:
    told = f"{{decision: {answer['decision']}}}"
    return f"{told}    # by these policies; others decide otherwise"


def _json(one: Ran) -> dict[str, Any]:
    proved = one.proved
    return {
        "file": one.file or None,
        "line": one.claim.line,
        "name": one.claim.name,
        "verdict": proved.verdict.value,
        "given": proved.shown and proved.shown.given,
        "note": proved.shown and proved.shown.note,
        "decided": proved.shown and proved.shown.answer,
        "reason": proved.reason,
        "horizon": proved.horizon and str(proved.horizon),
    }


def _count(number: int) -> str:
    return f"{number} proof" if number == 1 else f"{number} proofs"
