"""What operators ask the worker; see `operations.studies`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from dfks_rules.app.desk.texts import files_of
from dfks_rules.app.records.decision_log import view_of_outcome
from dfks_rules.app.worker.questions import (
    Check,
    CheckAll,
    Diff,
    Evaluate,
    Explain,
    Of,
    Prove,
    RunCases,
    Weigh,
)
from dfks_rules.app.worker.worker import Worker
from dfks_rules.operations.decisions import Decided
from dfks_rules.operations.studies import Text, Texts
from dfks_rules.phrases.german import ENGLISH
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.site.site import Site


class WorkerStudies:
    """Has the worker answer."""

    def __init__(
        self, worker: Worker, in_force: Callable[[], str], site_of: Callable[[str], Site]
    ) -> None:
        """Ask nothing yet.

        Args:
            worker: who answers.
            in_force: the revision of the policies in force.
            site_of: revision → what its policies know of users and numbers.
        """
        self._worker = worker
        self._in_force = in_force
        self._site_of = site_of

    async def count_values(self, text: bytes, asker: str) -> int:
        """How many there are in JSON."""
        return int(await self._worker.ask(Weigh(text), asker))

    async def check(
        self, texts: Sequence[Text] | None, asker: str, language: str = ENGLISH
    ) -> bytes:
        """Every finding."""
        of = self._of(texts)
        return await self._worker.ask(CheckAll(of) if texts is None else Check(of), asker, language)

    async def evaluate(
        self,
        texts: Sequence[Text] | None,
        facts: Mapping[str, Any],
        asker: str,
        language: str = ENGLISH,
    ) -> bytes:
        """What is decided about facts."""
        told = orjson.dumps(facts).decode()
        return await self._worker.ask(Evaluate(self._of(texts), told), asker, language)

    async def test(self, texts: Texts, asker: str, language: str = ENGLISH) -> bytes:
        """Whether cases pass."""
        return await self._worker.ask(RunCases(self._of(texts)), asker, language)

    async def prove(self, texts: Texts, asker: str, language: str = ENGLISH) -> bytes:
        """What becomes of proofs."""
        return await self._worker.ask(Prove(self._of(texts)), asker, language)

    async def diff(self, old: Texts, new: Texts, asker: str, language: str = ENGLISH) -> bytes:
        """What is decided differently."""
        return await self._worker.ask(Diff(self._of(old), self._of(new)), asker, language)

    async def explain(
        self, decided: Decided, asker: str, *, is_all: bool, language: str = ENGLISH
    ) -> bytes:
        """Why a decision came out as it did."""
        revision = decided.outcome.decision.revision
        given = given_of(view_of_outcome(decided.outcome, self._site_of(revision)))
        return await self._worker.ask(Explain(revision, given, is_all), asker, language)

    def _of(self, texts: Texts) -> Of:
        if isinstance(texts, str):
            return texts
        return self._in_force() if texts is None else files_of(texts)
