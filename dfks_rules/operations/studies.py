"""Questions about policies that are not in force, and about decisions that were made."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from dfks_rules.errors import DfksError, Finding, FindingsError
from dfks_rules.operations.decisions import Decided
from dfks_rules.phrases.german import ENGLISH
from dfks_rules.phrases.phrase import phrase

PROOFS_WITHIN = 50.0
"""Seconds for all proofs together; what is not decided by then is told as such."""


class GaveUpError(DfksError):
    """The worker did not answer: it took too long, died of it, or too many ask."""

    def __init__(self, message: str) -> None:
        super().__init__("worker_gave_up", message)


class OneAtATimeError(DfksError):
    """Whoever asks has asked something that is not answered yet."""

    def __init__(self) -> None:
        super().__init__("worker_busy", phrase("your last question is not answered yet"))


class FactsError(FindingsError):
    """Facts that were given are not those of a request."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("facts_invalid", findings)


class Text(NamedTuple):
    """One policy file, or file of cases, that somebody sends."""

    name: str
    """Its path below the folder of policies."""
    text: str


Texts = Sequence[Text] | str | None
"""Policies that somebody asks about: files that he sends, a revision that is kept, or None for
those in force."""


class Studies(Protocol):
    """Questions that another process answers; every answer is JSON, and goes on as it is.

    Each takes policies, who asks (one question of his is answered at a time), and the language in
    which he reads what is meant for people.

    Raises:
        GaveUpError: there is no answer.
        OneAtATimeError: he waits for another answer.
        PolicyError: the policies cannot be used.
        DfksError: the revision is no longer kept (`policy_no_revision`).
    """

    async def count_values(self, text: bytes, asker: str) -> int:
        """How many values there are in JSON, at any depth; 0 where it is none."""
        ...

    async def check(
        self, texts: Sequence[Text] | None, asker: str, language: str = ENGLISH
    ) -> bytes:
        """Every finding about them."""
        ...

    async def evaluate(
        self,
        texts: Sequence[Text] | None,
        facts: Mapping[str, Any],
        asker: str,
        language: str = ENGLISH,
    ) -> bytes:
        """What they decide about facts, and why.

        Raises:
            FactsError: the facts are not those of a request.
        """
        ...

    async def test(self, texts: Texts, asker: str, language: str = ENGLISH) -> bytes:
        """Whether their cases pass."""
        ...

    async def prove(self, texts: Texts, asker: str, language: str = ENGLISH) -> bytes:
        """What becomes of the proofs beside them."""
        ...

    async def diff(self, old: Texts, new: Texts, asker: str, language: str = ENGLISH) -> bytes:
        """What `new` decide differently than `old`."""
        ...

    async def explain(
        self, decided: Decided, asker: str, *, is_all: bool, language: str = ENGLISH
    ) -> bytes:
        """Why a decision came out as it did.

        Args:
            decided: the decision.
            asker: who asks.
            is_all: whether rules about other requests are told of, too.
            language: in which he reads it.

        Raises:
            DfksError: the policies that decided are no longer kept (`policy_no_revision`).
        """
        ...
