"""The switch sends what was dialled."""

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.policy.site.star_codes import StarCode
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api

_DIALLED = "/v1/presentities/sip:alice@example.com/dialled"


def _operations() -> MemoryOperations:
    operations = MemoryOperations()
    operations.codes = {
        "*72": StarCode(Feature.CALL_FORWARDING_ALWAYS, status=True),
        "*73": StarCode(Feature.CALL_FORWARDING_ALWAYS, status=False),
        "*78": StarCode(Feature.DO_NOT_DISTURB, status=True),
    }
    operations.refused = "900"
    return operations


async def test_the_answer_is_what_to_say() -> None:
    """And what holds now."""
    async with api(_operations()) as web:
        got = await web.ask("POST", _DIALLED, {"digits": "*72201"})
        assert got.status == 200
        assert got.json == {
            "say": "forward-on",
            "feature": "CallForwardingAlways",
            "status": "on",
            "target": "201",
            "changed": True,
            "revision": 1,
            "decision": "5eed-1",
        }
        off = (await web.ask("POST", _DIALLED, {"digits": "*73"})).json
        assert (off["say"], off["status"], "target" in off) == ("forward-off", "off", False)
        again = (await web.ask("POST", _DIALLED, {"digits": "*73"})).json
        assert (again["say"], again["changed"]) == ("forward-off", False)
        assert (await web.ask("POST", _DIALLED, {"digits": "*78"})).json["say"] == "dnd-on"


async def test_a_refusal_is_something_to_say_too() -> None:
    """With the reason, for a switch that says more."""
    async with api(_operations()) as web:
        got = await web.ask("POST", _DIALLED, {"digits": "*72900"})
        assert got.status == 200
        assert got.json == {
            "say": "refused",
            "feature": "CallForwardingAlways",
            "status": "on",
            "reason": "toll-fraud",
            "rule": "default/no-premium",
            "text": "Forwarding there is not allowed",
            "revision": 0,
            "decision": "5eed-1",
        }


async def test_what_is_no_code_is_said() -> None:
    """And what is only half of one."""
    async with api(_operations()) as web:
        got = await web.ask("POST", _DIALLED, {"digits": "*99"})
        assert got.json == {"say": "unknown-code"}
        got = await web.ask("POST", _DIALLED, {"digits": "*72"})
        assert got.json == {
            "say": "target-needed",
            "feature": "CallForwardingAlways",
            "status": "on",
        }


@pytest.mark.parametrize("body", [{}, {"digits": ""}, {"digits": 72}, {"digits": "1" * 65}, []])
async def test_a_body_without_digits_is_refused(body: object) -> None:
    """That is a mistake of the switch, not of who dialled."""
    async with api(_operations()) as web:
        assert (await web.ask("POST", _DIALLED, body)).kind == "invalid-body"


async def test_a_store_that_fails_is_a_problem() -> None:
    """The switch says what it says when nothing works."""
    operations = _operations()
    operations.is_broken = True
    async with api(operations) as web:
        got = await web.ask("POST", _DIALLED, {"digits": "*78"})
        assert (got.status, got.kind) == (503, "store-unavailable")
