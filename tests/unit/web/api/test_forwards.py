"""Who forwards calls where, over HTTP."""

from pathlib import Path

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.identity import Aor
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding
from tests.helpers.web import Api, api, token_file

_TARGETS = {
    "a@x.example": "sip:b@x.example",
    "b@x.example": "+499001234567",
    "c@x.example": "+33140000000",
    "d@y.example": "sip:somebody@elsewhere.example",
}


def _stored() -> MemoryOperations:
    operations = MemoryOperations()
    for name, target in _TARGETS.items():
        one = NOTHING_STORED.replace(CFA, forwarding(True, target))
        operations.states[Aor(*name.split("@"))] = one
    operations.states[Aor("z", "x.example")] = NOTHING_STORED.replace(DND, ON)
    return operations


async def _users(web: Api, query: str = "") -> list[str]:
    items = (await web.ask("GET", f"/v1/forwards{query}")).json["items"]
    return [one["presentity"].removeprefix("sip:")[0] for one in items]


async def test_forwards_are_chosen_by_domain_class_and_whether_they_leave() -> None:
    """What fraud looks like, in one question."""
    async with api(_stored()) as web:
        assert await _users(web) == ["a", "b", "c", "d"]
        assert await _users(web, "?outside=true") == ["b", "c", "d"]
        assert await _users(web, "?outside=false") == ["a"]
        assert await _users(web, "?outside=true&domain=X.example") == ["b", "c"]
        assert await _users(web, "?class=premium") == ["b"]
        assert (await web.ask("GET", "/v1/forwards?outside=1")).kind == "bad-parameter"


async def test_a_page_is_of_presentities() -> None:
    """It may be empty although more follow."""
    async with api(_stored()) as web:
        found, path = [], "/v1/forwards?class=premium&limit=1"
        for _ in range(5):
            page = (await web.ask("GET", path)).json
            found.append(len(page["items"]))
            if "next" not in page:
                break
            path = f"/v1/forwards?class=premium&limit=1&after={page['next']}"
    assert found == [0, 1, 0, 0, 0]


async def test_tenants_see_their_own(tmp_path: Path) -> None:
    """Another domain is not there."""
    tokens = token_file(tmp_path, y=(["features:read"], ["y.example"]))
    async with api(_stored(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["y"]
        assert await _users(web) == ["d"]
        got = await web.ask("GET", "/v1/forwards?domain=x.example")
        assert (got.status, got.kind) == (404, "not-found")
