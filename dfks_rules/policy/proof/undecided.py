"""A question that is neither proved nor refuted, and why."""

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.matchers import Atom


class Undecided(Exception):  # noqa: N818 - it is an answer, beside proved and refuted
    """No proof is possible; no claim follows from it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """In plain words, to follow `not decided: `."""


def opaque(atom: Atom) -> Undecided:
    """The answer where it is not known what passes a test."""
    return Undecided(
        phrase(
            "proofs cannot read the test `{matcher}` of `{fact}`",
            matcher=atom.matcher,
            fact=atom.fact,
        )
    )
