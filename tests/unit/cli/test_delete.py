"""`dfks delete`."""

from dfks_rules.cli.exit_codes import exit_code_of
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.web.client import ApiError
from tests.helpers.commands import run
from tests.helpers.operations import KEPT_TARGET, MemoryOperations
from tests.helpers.policy import ALICE, CFA, DND, ON
from tests.helpers.states import forwarding
from tests.helpers.web import api


async def test_what_was_deleted_is_told() -> None:
    """Once more, there is nothing."""
    operations = MemoryOperations()
    operations.states[ALICE] = NOTHING_STORED.replace(DND, ON)
    async with api(operations) as web:
        result = await run(web.url, "delete", "alice@example.com")
        again = await run(web.url, "delete", "sip:alice@example.com", "--yes")
    assert result.stdout == "sip:alice@example.com: deleted DoNotDisturb; revision 2\n"
    assert again.stdout == "sip:alice@example.com: there was nothing to delete\n"
    assert operations.states[ALICE].states == NOTHING_STORED.states


async def test_a_refusal_sets_the_exit_code() -> None:
    """As for `dfks mi`."""
    operations = MemoryOperations()
    operations.states[ALICE] = NOTHING_STORED.replace(CFA, forwarding(True, KEPT_TARGET))
    async with api(operations) as web:
        result = await run(web.url, "delete", "sip:alice@example.com")
    assert isinstance(result.exception, ApiError)
    assert exit_code_of(result.exception) == 4
