"""Policy files → another process, in pieces: files of 100,000 users must not hold up phones."""

import pickle
from collections.abc import Iterator
from typing import IO

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.policy.reading.source import Source

PIECE = 128 * 1024
"""Characters in a piece."""


def pieces_of(files: PolicyFiles) -> Iterator[bytes]:
    """Files as pickles: first what they are, then their texts, piece by piece."""
    every = [(one, number) for number, several in enumerate(files) for one in several]
    yield _pickled([(one.file, one.tenant, number, _count(one)) for one, number in every])
    for file, _ in every:
        for number in range(_count(file)):
            yield _pickled(file.text[number * PIECE : (number + 1) * PIECE])


def files_from(stream: IO[bytes]) -> PolicyFiles:
    """The files in a stream that `pieces_of` wrote; what follows stays there.

    Raises:
        EOFError: it ends before.
    """
    lists: list[list[Source]] = [[] for _ in PolicyFiles._fields]
    for name, tenant, number, count in pickle.load(stream):  # noqa: S301 - the server's
        text = "".join(pickle.load(stream) for _ in range(count))  # noqa: S301
        lists[number].append(Source(name, text, tenant))
    return PolicyFiles(*map(tuple, lists))


def _count(file: Source) -> int:
    """In how many pieces its text is."""
    return -(-len(file.text) // PIECE)


def _pickled(what: object) -> bytes:
    return pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
