"""The process that answers; `main` reads questions from stdin and writes answers to stdout.

It may be killed at any time: by the server when it takes too long, by the kernel when it takes too
much, and when the server has died.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

from dfks_rules.app.desk.canary import MEMORY
from dfks_rules.app.worker.answering import Answer, Answering
from dfks_rules.app.worker.questions import Kind, frame, read_question

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer until nobody asks any more."""
    _end_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Whatever a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, _limit_cpu)


def serve(questions: BinaryIO, answers: BinaryIO, limit: Callable[[float], None]) -> None:
    """Answer each question, until there is none.

    Args:
        questions: where they come from.
        answers: where answers go.
        limit: told before each question how many seconds of CPU it may take.

    Raises:
        MemoryError: a question took too much; the next process starts with an empty memory.
    """
    answering = Answering()
    _write(answers, (Kind.READY, b""))
    while (question := read_question(questions)) is not None:
        limit(question.limit)
        _write(answers, answering.answer(question))


def _write(answers: BinaryIO, answer: Answer) -> None:
    kind, told = answer
    answers.write(frame(kind.value + told))
    answers.flush()


def _limit_cpu(seconds: float) -> None:
    """Let the kernel end the process when one question takes more, also if nobody waits for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used.ru_utime + used.ru_stime + seconds) + 2
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _end_with(server: int) -> None:
    """Have the kernel kill this process when the server dies, however busy it is.

    Reference: prctl(2), PR_SET_PDEATHSIG. Where there is no such call, the end of stdin and the
    limit of CPU time end it.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        sys.exit("the server has died meanwhile")
