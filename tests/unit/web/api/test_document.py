"""The document that describes the API."""

from dfks_rules.web.api import TABLE
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def test_the_document_describes_every_operation_and_itself() -> None:
    """What is not in it is not there."""
    async with api(MemoryOperations()) as web:
        paths = (await web.ask("GET", "/openapi.json")).json["paths"]
    told = {(path, method.upper()) for path, methods in paths.items() for method in methods}
    assert told == {(one.path, one.method) for one in TABLE}
