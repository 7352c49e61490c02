"""What operators ask, as it is put to the worker."""

from typing import Any

from dfks_rules.app.desk.texts import files_of
from dfks_rules.app.worker.questions import (
    Check,
    CheckAll,
    Diff,
    Evaluate,
    Explain,
    Prove,
    Question,
    RunCases,
)
from dfks_rules.app.worker.studies import WorkerStudies
from dfks_rules.app.worker.worker import Worker
from dfks_rules.operations.decisions import Decided
from dfks_rules.operations.studies import Text
from dfks_rules.policy.site.site import NO_SITE
from tests.unit.operations.test_decisions import REFUSED

TEXTS = [Text("p.yaml", "")]
FILES = files_of(TEXTS)


class _Worker(Worker):
    """Answers with nothing, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(lambda _revision: None)
        self.asked: list[tuple[Question, str]] = []

    async def ask(self, question: Question, asker: str, language: str = "en") -> bytes:
        self.asked.append((question, asker))
        return b"{}"


async def test_each_question_is_about_texts_or_what_is_in_force() -> None:
    """The whole of what is in force may take longer to check."""
    worker = _Worker()
    studies = WorkerStudies(worker, lambda: "now", lambda _revision: NO_SITE)
    await studies.check(TEXTS, "a")
    await studies.check(None, "b")
    await studies.evaluate(None, {"op": "get"}, "c")
    await studies.test(TEXTS, "d")
    await studies.prove("5e29e70da51e", "d")
    await studies.diff(None, TEXTS, "e")
    assert worker.asked == [
        (Check(FILES), "a"),
        (CheckAll("now"), "b"),
        (Evaluate("now", '{"op":"get"}'), "c"),
        (RunCases(FILES), "d"),
        (Prove("5e29e70da51e"), "d"),
        (Diff("now", FILES), "e"),
    ]


async def test_a_decision_is_explained_by_its_policies_and_facts() -> None:
    """Not by those in force now."""
    worker = _Worker()
    studies = WorkerStudies(worker, lambda: "now", lambda _revision: NO_SITE)
    await studies.explain(Decided("5ea1ed-1", REFUSED), "a", is_all=False)
    ((question, _),) = worker.asked
    assert isinstance(question, Explain)
    asked: Any = question
    assert (asked.of, asked.is_all) == (REFUSED.decision.revision, False)
    assert asked.given["request.status"] == 1
