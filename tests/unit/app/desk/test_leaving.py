"""Files on their way to another process."""

import io

import pytest

from dfks_rules.app.desk.leaving import PIECE, files_from, pieces_of
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.policy.reading.source import Source

FILES = PolicyFiles(
    (Source("a.csv", "ü" * (2 * PIECE + 1)), Source("t/p.yaml", "x" * PIECE, "a.example")),
    (Source("cases.yaml", ""),),
    (Source("proofs.yaml", "p"),),
)


def test_files_arrive_as_they_left() -> None:
    """And what follows is not touched."""
    stream = io.BytesIO(b"".join(pieces_of(FILES)) + b"rest")
    assert files_from(stream) == FILES
    assert stream.read() == b"rest"


def test_no_piece_is_large() -> None:
    """The event loop has its turn between two."""
    assert max(map(len, pieces_of(FILES))) <= 4 * PIECE


def test_half_of_it_is_an_error() -> None:
    """Nobody must be allowed what a missing file denies."""
    pieces = [*pieces_of(FILES)]
    with pytest.raises(EOFError):
        files_from(io.BytesIO(b"".join(pieces[:-1])))
