"""What requests were answered that may come again, at whichever node."""

import orjson

from dfks_rules.operations.answers import MOST, UNDER_WAY, KeptAnswer
from dfks_rules.store.postgres.connection import Connection, Row

_BEGIN = "SELECT * FROM dfks.answer_begin_1($1, $2, $3, $4, $5)"
_KEEP = "SELECT dfks.answer_keep_1($1, $2, $3, $4, $5, $6, $7)"
_DROP = "SELECT dfks.answer_drop_1($1, $2, $3)"


class AnswerTable:
    """The table `answer`, as one life of a node uses it.

    Reference: `operations.answers.Answers`.
    """

    def __init__(self, connection: Connection, epoch: int) -> None:
        """Use a connection, for this life."""
        self._connection = connection
        self._epoch = epoch

    async def begin(self, caller: str, key: str, request: bytes) -> KeptAnswer | None:
        """Begin a request, or find what is kept of it, at whichever node it came."""
        row = await self._connection.row(_BEGIN, self._epoch, caller, key, request, MOST)
        return None if row["is_mine"] else kept_from(row, request)

    async def keep(self, caller: str, key: str, answer: KeptAnswer) -> None:
        """Keep an answer."""
        request, status, headers, body = answer
        told = orjson.dumps(dict(headers)).decode()
        said = (self._epoch, caller, key, request, status, told, body)
        await self._connection.rows(_KEEP, *said)

    async def drop(self, caller: str, key: str) -> None:
        """Let a request come again."""
        await self._connection.rows(_DROP, self._epoch, caller, key)


def kept_from(row: Row, request: bytes) -> KeptAnswer:
    """What is kept of a request that is not mine; `request` is its hash, as it came here."""
    if row["status"] is None:
        # Where there is no row any more, it was dropped a moment ago: it may come again.
        return KeptAnswer(row["request"] or request, UNDER_WAY, {}, b"")
    return KeptAnswer(row["request"], row["status"], orjson.loads(row["headers"]), row["body"])
