"""Answers to questions about policies."""

from typing import Any

import orjson
import pytest

from dfks_rules.app.desk.texts import files_of
from dfks_rules.app.worker.answering import MAX_KNOWN, Answering
from dfks_rules.app.worker.questions import (
    Check,
    CheckAll,
    Diff,
    Evaluate,
    Explain,
    Kind,
    Know,
    Prove,
    RunCases,
    Spoken,
    Weigh,
)
from dfks_rules.operations.studies import Text

HEAD = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: {}}}\nrules:\n"
NO_DND = Text(
    "p.yaml",
    HEAD.format("p")
    + "- {id: no-dnd, when: {op: set, feature: DoNotDisturb}, then: {deny: no-dnd}}\n",
)
OTHERS = Text(
    "q.yaml",
    HEAD.format("q")
    + "- {id: secret, when: {op: set, domain: other.example}, then: {deny: not-here}}\n",
)
CASES = """\
apiVersion: dfks/v1
kind: PolicyTest
policies: [p.yaml]
tests:
- {name: it is refused, given: {op: set, feature: DoNotDisturb, request.status: 1},
   expect: {decision: deny, reason: other-reason}}
"""
SET = {"op": "set", "feature": "DoNotDisturb", "request.status": 1}


def told(question: Any, answering: Answering | None = None) -> Any:
    """The answer, of a worker that was told of a revision `r` if none is given."""
    if answering is None:
        answering = Answering()
        answering.answer(Know("r", files_of([NO_DND, OTHERS])))
    kind, answer = answering.answer(question)
    assert kind is Kind.DONE, answer
    return orjson.loads(answer)


def in_german(question: Any) -> Any:
    """The answer for somebody who reads German."""
    return told(Spoken(question, "de"))


def test_findings_are_told_in_the_language_of_whoever_asks() -> None:
    """The playground shows them under the line."""
    wrong = Text("p.yaml", HEAD.format("p") + "- {id: r, when: {featur: x}, then: {deny: no}}\n")
    (finding,) = in_german(Check(files_of([wrong])))["findings"]
    assert finding["code"] == "policy_unknown_fact"
    assert finding["message"] == "unbekannter Fakt `featur` (meintest du `feature`?)"
    (finding,) = told(Check(files_of([wrong])))["findings"]
    assert finding["message"] == "unknown fact `featur` (did you mean `feature`?)"


def test_explanations_and_results_are_told_in_german() -> None:
    """To the last line, names of rules and facts aside."""
    explained = in_german(Evaluate("r", orjson.dumps(SET).decode()))
    assert explained["text"][0] == "set DoNotDisturb von sip:alice@example.com: verweigert, no-dnd"
    assert "passten, nach Vorrang:" in explained["text"]
    tried = in_german(RunCases(files_of([NO_DND, Text("cases.yaml", CASES)])))
    assert tried["cases"][0]["differences"] == [
        "reason: erwartet other-reason, erhalten no-dnd",
    ]
    assert tried["cases"][0]["why"][0] == "es passten: p/no-dnd"


def test_why_a_question_cannot_be_answered_is_told_in_german() -> None:
    """Facts by halves are typed all the time."""
    answering = Answering()
    kind, answer = answering.answer(Spoken(Evaluate(files_of([NO_DND]), '{"op": "set"}'), "de"))
    assert kind is Kind.FACTS
    assert orjson.loads(answer)[0]["message"] == "unter den Fakten fehlt `feature`"


@pytest.mark.parametrize(
    ("text", "count"),
    [(b'{"a": [1, {"b": []}], "c": null}', 5), (b"[]", 0), (b'"a,b,c"', 0), (b"{nonsense", 0)],
)
def test_values_of_json_are_counted(text: bytes, count: int) -> None:
    """At any depth; what is in a text is no value."""
    assert told(Weigh(text)) == count


def test_files_are_checked_with_their_warnings_and_cases() -> None:
    """All that `dfks policy check` says of them."""
    good = told(Check(files_of([NO_DND, Text("cases.yaml", CASES)])))
    assert (good["usable"], good["more"]) == (True, 0)
    assert {"op": "get", "feature": "DoNotDisturb"}.items() <= good["gaps"][0].items()
    bad = told(Check(files_of([Text("p.yaml", "kind: Polic\n"), Text("cases.yaml", CASES)])))
    assert not bad["usable"]
    assert {one["file"] for one in bad["findings"]} == {"p.yaml"}
    lost = told(Check(files_of([OTHERS, Text("cases.yaml", CASES)])))
    assert "policy_case" in [one["code"] for one in lost["findings"]]


def test_facts_are_decided_and_the_decision_explained() -> None:
    """As `dfks policy eval` and `dfks policy explain` do."""
    answer = told(Evaluate("r", orjson.dumps(SET).decode()))
    assert answer["decision"]["reason"] == "no-dnd"
    assert answer["summary"][0] == "matched: p/no-dnd"
    assert [one["rule"] for one in answer["matched"]] == ["p/no-dnd"]
    assert answer["text"][0].endswith("denied, no-dnd")


def test_a_decision_is_explained_by_a_revision_that_was_told() -> None:
    """Somebody who sees one domain is not told of the rules of others."""
    answer = told(Explain("r", SET, is_all=True))
    assert [one["rule"] for one in answer["unmatched"]] == ["q/secret"]
    answer = told(Explain("r", SET, is_all=False))
    assert answer["unmatched"] == []
    assert "q/secret" not in orjson.dumps(answer).decode()


def test_cases_are_run_and_what_they_cover_is_told() -> None:
    """As `dfks policy test` does."""
    passed = told(
        RunCases(files_of([NO_DND, Text("cases.yaml", CASES.replace("other-reason", "no-dnd"))]))
    )
    assert (passed["passed"], passed["coverage"], passed["uncovered"]) == (True, 100, [])
    failed = told(RunCases(files_of([NO_DND, Text("cases.yaml", CASES)])))
    (case,) = failed["cases"]
    assert (failed["passed"], case["passed"], case["line"]) == (False, False, 5)
    assert case["differences"] == ["reason: expected other-reason, got no-dnd"]
    assert case["why"][0] == "matched: p/no-dnd"
    assert not told(RunCases(files_of([NO_DND])))["passed"]


def test_tests_that_no_case_has_seen_both_ways_are_told() -> None:
    """A rule that is covered may still be about more requests than anybody has shown."""
    cases = CASES.replace("other-reason", "no-dnd")
    (one,) = told(RunCases(files_of([NO_DND, Text("cases.yaml", cases)])))["untested"]
    assert (one["rule"], one["what"]) == (
        "p/no-dnd",
        "{feature: DoNotDisturb} was never false",
    )


PROOFS = """\
apiVersion: dfks/v1
kind: PolicyProof
policies: [p.yaml]
proofs:
- {name: it is refused, when: {op: set, feature: DoNotDisturb}, expect: {decision: deny}}
- {name: all is refused, when: {op: set}, expect: {decision: deny}}
"""


def test_proofs_are_told_with_what_refutes_them() -> None:
    """As `dfks policy prove` does; nobody reads its exit code in a browser."""
    answer = told(Prove(files_of([NO_DND, Text("proofs.yaml", PROOFS)])))
    proved, refuted = answer["proofs"]
    assert (answer["passed"], answer["findings"]) == (False, [])
    assert (proved["verdict"], proved["line"], proved["given"]) == ("proved", 5, None)
    assert (refuted["name"], refuted["verdict"]) == ("all is refused", "refuted")
    assert refuted["given"]["op"] == "set"
    assert refuted["answer"]["decision"] == "allow"


def test_files_without_proofs_prove_nothing() -> None:
    """Nor do those that cannot be read."""
    assert told(Prove(files_of([NO_DND]))) == {"passed": False, "proofs": [], "findings": []}
    bad = told(Prove(files_of([NO_DND, Text("proofs.yaml", PROOFS.replace("op: set", "ob: set"))])))
    assert not bad["passed"]
    assert bad["findings"][0]["file"] == "proofs.yaml"


def test_two_sets_are_compared() -> None:
    """Those in force, and others."""
    answer = told(Diff("r", files_of([OTHERS])))
    assert answer["different"] > 0
    group = answer["groups"][0]
    assert (group["op"], group["feature"]) == ("set", "DoNotDisturb")
    assert (group["old"]["decision"], group["new"]["decision"]) == ("deny", "allow")


def test_what_only_says_it_otherwise_is_proved_to_decide_alike() -> None:
    """And a difference is never called proved."""
    otherwise = Text("p.yaml", NO_DND.text.replace("{op: set", "{all: [{op: set}], op: set"))
    assert otherwise.text != NO_DND.text
    same = told(Diff("r", files_of([otherwise, OTHERS])))
    assert (same["proved"], same["different"]) == (True, 0)
    assert not told(Diff("r", files_of([OTHERS])))["proved"]


def test_all_that_is_in_force_is_checked() -> None:
    """By its revision."""
    assert told(CheckAll("r"))["usable"]


def test_a_revision_that_was_not_told_or_is_forgotten_is_asked_for() -> None:
    """Memory is bounded."""
    answering = Answering()
    assert answering.answer(CheckAll("r")) == (Kind.UNKNOWN, b"r")
    for number in range(MAX_KNOWN + 1):
        answering.answer(Know(f"r{number}", files_of([NO_DND])))
    assert answering.answer(CheckAll("r0")) == (Kind.UNKNOWN, b"r0")
    assert answering.answer(CheckAll("r1"))[0] is Kind.DONE


@pytest.mark.parametrize(
    ("question", "kind", "code"),
    [
        (Evaluate(files_of([Text("p.yaml", "kind: Polic\n")]), '{"op": "x"}'), Kind.FACTS, None),
        (Evaluate(files_of([NO_DND]), '{"op": "set"}'), Kind.FACTS, "policy_facts_missing"),
        (RunCases(files_of([Text("p.yaml", ""), Text("cases.yaml", CASES)])), Kind.FINDINGS, None),
        (Diff("r", files_of([Text("p.yaml", "- 1\n")])), Kind.FINDINGS, None),
    ],
)
def test_what_cannot_be_used_is_told_with_its_findings(
    question: Any, kind: Kind, code: str | None
) -> None:
    """Facts apart from policies: another mistake, of somebody else perhaps."""
    answering = Answering()
    answering.answer(Know("r", files_of([NO_DND])))
    given, findings = answering.answer(question)
    assert given is kind
    assert code in (None, orjson.loads(findings)[0]["code"])


def test_whatever_else_is_raised_is_told() -> None:
    """The next question is answered."""
    kind, text = Answering().answer("nonsense")
    assert (kind, text) == (Kind.FAILED, b"TypeError: str is no question")
