"""Questions as they cross the pipe."""

import pickle

import pytest

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.worker.questions import (
    LENGTH,
    Check,
    CheckAll,
    Diff,
    Evaluate,
    Explain,
    Know,
    Question,
    RunCases,
    asked,
    frame,
)
from dfks_rules.policy.reading.source import Source

FILES = PolicyFiles((Source("p.yaml", "kind: Policy\n", "a.example"),), ())
QUESTIONS: list[Question] = [
    Know("5e1f", FILES),
    Explain("5e1f", {"op": "get"}, is_all=True),
    Evaluate(FILES, "{}"),
    Check(FILES),
    CheckAll("5e1f"),
    RunCases(FILES),
    Diff("5e1f", FILES),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: type(one).__name__)
def test_a_question_arrives_as_it_was_asked(question: Question) -> None:
    """And says how long it may take."""
    data = asked(question)
    (length,) = LENGTH.unpack(data[: LENGTH.size])
    arrived = pickle.loads(data[LENGTH.size :])  # noqa: S301 - ours
    assert (length, arrived) == (len(data) - LENGTH.size, question)
    assert 0 < arrived.limit <= 60


def test_a_frame_says_how_long_it_is() -> None:
    """Big-endian, 4 bytes."""
    assert frame(b"abc") == b"\0\0\0\3abc"
