"""The OpenAPI document, as an operation of its own."""

from collections.abc import Sequence

from dfks_rules.web.openapi import document
from dfks_rules.web.table import Answer, Call, Operation, Reply, json_line


def with_document(table: Sequence[Operation]) -> tuple[Operation, ...]:
    """The table with the operation that describes all of it."""
    made: list[bytes] = []

    async def show(_call: Call) -> Answer:
        """The document, made when somebody asks for it first."""
        if not made:
            made.append(json_line(document(whole)))
        return Answer(made[0], headers={"Content-Type": "application/json"})

    whole = (
        *table,
        Operation(
            "showDocument",
            "GET",
            "/openapi.json",
            None,
            "Describes this interface.",
            show,
            (Reply(200, "The OpenAPI document.", {"type": "object"}),),
        ),
    )
    return whole
