"""A question that is neither proved nor refuted, and why."""


class Undecided(Exception):  # noqa: N818 - it is an answer, beside proved and refuted
    """No proof is possible; no claim follows from it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """In plain words, to follow `not decided: `."""
