"""Questions as they cross the pipe."""

import io

import pytest

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.worker.questions import (
    Check,
    CheckAll,
    Diff,
    Evaluate,
    Explain,
    Know,
    Question,
    RunCases,
    Spoken,
    asked,
    frame,
    read_question,
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
    Spoken(Check(FILES), "de"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: type(one).__name__)
def test_a_question_arrives_as_it_was_asked(question: Question) -> None:
    """And says how long it may take."""
    stream = io.BytesIO(b"".join(asked(question)) + b"".join(asked(Check("next"))))
    arrived = read_question(stream)
    assert arrived == question
    assert arrived is not None
    assert 0 < arrived.limit <= 60
    assert read_question(stream) == Check("next")
    assert read_question(stream) is None


def test_a_frame_says_how_long_it_is() -> None:
    """Big-endian, 4 bytes."""
    assert frame(b"abc") == b"\0\0\0\3abc"
