"""`dfks who`."""

import json

from dfks_rules.model.features import NOTHING_STORED
from tests.helpers.commands import run
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import ALICE, BOB, CFA
from tests.helpers.states import forwarding
from tests.helpers.web import api


def _stored() -> MemoryOperations:
    operations = MemoryOperations()
    for aor, target in ((ALICE, "sip:bob@example.com"), (BOB, "+499001234567")):
        operations.states[aor] = NOTHING_STORED.replace(CFA, forwarding(True, target))
    return operations


async def test_forwards_are_a_table_with_a_sum() -> None:
    """The sum goes to standard error, so that the table can be piped."""
    async with api(_stored()) as web:
        result = await run(web.url, "who")
    head, alice, bob = result.stdout.splitlines()
    assert head.split() == [
        *("presentity", "feature", "forwardTo", "class", "reach", "number", "country"),
    ]
    assert alice.split()[2:4] == ["sip:bob@example.com", "internal"]
    assert bob.split()[2:] == ["+499001234567", "premium", "national", "+499001234567", "DE"]
    assert result.stderr == "2 forwards: 1 internal, 1 premium\n"


async def test_forwards_that_leave_the_domain_are_chosen() -> None:
    """For scripts, an object on each line."""
    async with api(_stored()) as web:
        outside = await run(web.url, "who", "--outside", "--json")
        none = await run(web.url, "who", "--domain", "other.example")
        premium = await run(web.url, "who", "--class", "premium")
    (line,) = outside.stdout.splitlines()
    assert json.loads(line)["presentity"] == "sip:bob@example.com"
    assert outside.stderr == premium.stderr == "1 forward: 1 premium\n"
    assert (none.stdout, none.stderr) == ("", "no forwards\n")
