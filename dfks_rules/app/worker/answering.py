"""The answers to questions about policies; everything here may take long."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import singledispatchmethod
from itertools import islice
from typing import Any

import orjson

from dfks_rules.app.desk.case_files import Beside, named_by
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.proof_files import Tried, verdicts_of
from dfks_rules.app.worker.questions import (
    Check,
    CheckAll,
    Diff,
    Evaluate,
    Explain,
    Kind,
    Know,
    Of,
    Prove,
    RunCases,
    Spoken,
    Weigh,
)
from dfks_rules.app.zone import local_zone
from dfks_rules.errors import MAX_TOLD, Finding, PolicyError
from dfks_rules.operations.studies import PROOFS_WITHIN
from dfks_rules.phrases.german import ENGLISH, to_json
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.compiled import compile_policies, revision_of
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.lint.gaps import gaps
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases, run_cases
from dfks_rules.policy.studying.changed_proof import Side, prove_whole
from dfks_rules.policy.studying.compare import Comparison, Group, compare
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.explain import (
    Explanation,
    brief,
    explain,
    explanation_json,
    lines_of,
)
from dfks_rules.policy.studying.given_files import parse_given
from dfks_rules.policy.studying.outcomes import Outcomes
from dfks_rules.policy.studying.proof_files import parse_proofs
from dfks_rules.policy.studying.proving import Verdict

MAX_KNOWN = 4
"""Revisions that are remembered; the one asked about longest ago is forgotten first."""
FACTS = "facts"
"""What findings about facts call their file."""

Answer = tuple[Kind, bytes]


class UnknownRevisionError(Exception):
    """It was not told, or is forgotten."""


class Answering:
    """Answers one question after another."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, PolicyFiles] = OrderedDict()
        self._sets: dict[str, PolicySet] = {}

    def answer(self, question: Any) -> Answer:
        """The answer to a question.

        Raises:
            MemoryError: it takes too much.
        """
        language = ENGLISH
        if isinstance(question, Spoken):
            question, language = question.question, question.language
        try:
            return Kind.DONE, to_json(self._answer(question), language)
        except UnknownRevisionError as error:
            return Kind.UNKNOWN, str(error).encode()
        except PolicyError as error:
            kind = Kind.FACTS if error.findings[0].file == FACTS else Kind.FINDINGS
            return kind, to_json(_told(error.findings), language)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is asked, the next one is answered
            return Kind.FAILED, f"{type(error).__name__}: {error}".encode()[:2_000]

    @singledispatchmethod
    def _answer(self, question: Any) -> Any:
        message = f"{type(question).__name__} is no question"
        raise TypeError(message)

    @_answer.register
    def _(self, question: Know) -> Any:
        self._files[question.revision] = question.files
        while len(self._files) > MAX_KNOWN:
            forgotten, _ = self._files.popitem(last=False)
            self._sets.pop(forgotten, None)
        self._set(question.revision)
        return None

    @_answer.register
    def _(self, question: Explain) -> Any:
        explanation = explain(self._set(question.of), view_of(question.given))
        if not question.is_all:
            ours = tuple(one for one in explanation.unmatched if not one.elsewhere)
            explanation = explanation._replace(unmatched=ours)
        return _explained(explanation)

    @_answer.register
    def _(self, question: Evaluate) -> Any:
        view = parse_given([Source(FACTS, question.facts)])
        explanation = explain(self._set(question.of), view)
        return {"summary": brief(explanation), **_explained(explanation)}

    @_answer.register
    def _(self, question: Check) -> Any:
        return self._checked(question.of)

    @_answer.register
    def _(self, question: CheckAll) -> Any:
        return self._checked(question.of)

    @_answer.register
    def _(self, question: RunCases) -> Any:
        files = self._files_of(question.of)
        coverage, outcomes = Coverage(), Outcomes()
        cases = [one for source in files.cases for one in _ran(source, files, coverage, outcomes)]
        return {
            "passed": bool(cases) and all(one["passed"] for one in cases),
            "cases": cases,
            "coverage": round(coverage.percent, 1),
            "uncovered": _unshown(coverage),
            "untested": _unshown(outcomes),
        }

    @_answer.register
    def _(self, question: Prove) -> Any:
        findings, verdicts = verdicts_of(self._files_of(question.of), PROOFS_WITHIN)
        found = {one.proved.verdict for one in verdicts}
        return {
            "passed": found == {Verdict.PROVED} and not findings,
            "proofs": [_verdict(one) for one in verdicts],
            "findings": _told(findings),
        }

    @_answer.register
    def _(self, question: Diff) -> Any:
        old, new = self._files_of(question.old), self._files_of(question.new)
        with closing(load(old.sources)) as before, closing(load(new.sources)) as after:
            comparison = compare(before, after)
        if comparison.different:
            return _compared(comparison, is_proved=False)
        # What the search has not found may still be there.
        sides = [Side(one.sources, compile_policies(one.sources)) for one in (old, new)]
        proof, _ = prove_whole(sides[0], sides[1], _horizon())
        told = _compared(comparison, is_proved=proof.is_whole)
        groups = [_group(one) for one in proof.groups[:MAX_TOLD]]
        return {**told, "different": len(proof.groups), "groups": groups}

    @_answer.register
    def _(self, question: Weigh) -> Any:
        try:
            return _count(orjson.loads(question.text))
        except orjson.JSONDecodeError:
            return 0

    def _files_of(self, of: Of) -> PolicyFiles:
        if isinstance(of, PolicyFiles):
            return of
        if of not in self._files:
            raise UnknownRevisionError(of)
        self._files.move_to_end(of)
        return self._files[of]

    def _set(self, of: Of) -> PolicySet:
        """Policies that can explain."""
        files = self._files_of(of)
        if isinstance(of, PolicyFiles):
            return _closed(files)
        if of not in self._sets:
            self._sets[of] = _closed(files)
        return self._sets[of]

    def _checked(self, of: Of) -> Any:
        files = self._files_of(of)
        today = datetime.now().astimezone().date()  # noqa: TID251 - what has expired by now
        usable, findings = check_and_lint(files.sources, today)

        def proofs(source: Source) -> Beside:
            return parse_proofs(source, lambda _paths: files.sources)

        beside: list[tuple[Source, Callable[[Source], Beside]]] = [
            *((one, parse_cases) for one in files.cases),
            *(
                (one, lambda one: parse_proofs(one, lambda _: files.sources))
                for one in files.proofs
            ),
        ]
        for source, parse in beside:
            try:
                named_by(parse(source), files.sources)
            except PolicyError as error:
                findings += error.findings
        return {
            "revision": revision_of(files.sources),
            "usable": not any(one.severity == "error" for one in findings),
            "findings": _told(sorted(findings)),
            "more": max(0, len(findings) - MAX_TOLD),
            "gaps": [{**one._asdict(), "otherwise": one.otherwise} for one in gaps(usable)],
        }


def _count(value: Any) -> int:
    """How many values there are within one, at any depth."""
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            count += len(one)
            waiting.extend(one.values() if isinstance(one, dict) else one)
    return count


def _closed(files: PolicyFiles) -> PolicySet:
    """Policies that decide by reference only: nothing of them stays in the engine."""
    policies = load(files.sources)
    policies.close()
    return policies


def _told(findings: list[Finding]) -> list[dict[str, Any]]:
    return [finding._asdict() for finding in findings[:MAX_TOLD]]


def _explained(explanation: Explanation) -> dict[str, Any]:
    told = explanation_json(explanation)
    return {
        "decision": told["decision"],
        "policyRevision": told["revision"],
        "about": told["about"],
        "matched": told["matched"],
        "unmatched": told["unmatched"],
        "text": lines_of(explanation),
    }


def _unshown(of: Coverage | Outcomes) -> list[dict[str, Any]]:
    return [one._asdict() for one in islice(of.unshown(), MAX_TOLD)]


def _verdict(one: Tried) -> dict[str, Any]:
    verdict, shown, reason, _ = one.proved
    return {
        "file": one.file,
        "line": one.line,
        "name": one.name,
        "verdict": verdict.value,
        "reason": reason,
        "given": None if shown is None else shown.given,
        "answer": None if shown is None else shown.answer,
    }


def _ran(
    source: Source, files: PolicyFiles, coverage: Coverage, outcomes: Outcomes
) -> Iterator[dict[str, Any]]:
    """The results of a file of cases.

    Raises:
        PolicyError: it, or what it tests, cannot be used.
    """
    cases = parse_cases(source)
    tested = named_by(cases, files.sources)
    with closing(load(tested)) as policies:
        results = run_cases(cases, policies)
        coverage.add(policies, tested, [(one.case.view, one.decision) for one in results])
        outcomes.add(policies, tested, [one.case.view for one in results])
        for case, _, differences in results:
            yield {
                "file": cases.file,
                "line": case.line,
                "name": case.name,
                "passed": not differences,
                "differences": differences,
                "why": brief(explain(policies, case.view)) if differences else [],
            }


def _horizon() -> Horizon:
    """For when something is proved: last year, this one and the next two, on this machine."""
    year = datetime.now(UTC).year  # noqa: TID251 - a proof is about the years around now
    return Horizon(local_zone() or UTC, range(year - 1, year + 3))


def _compared(comparison: Comparison, *, is_proved: bool) -> dict[str, Any]:
    return {
        "proved": is_proved,
        "tried": comparison.tried,
        "different": comparison.different,
        "ungrouped": comparison.ungrouped,
        "groups": [_group(one) for one in comparison.groups[:MAX_TOLD]],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "op": group.key.op,
        "feature": group.key.feature,
        "changed": group.key.changed,
        "count": group.count,
        "given": group.given,
        "old": answer_of(group.old),
        "new": answer_of(group.new),
    }
