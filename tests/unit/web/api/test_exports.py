"""What is stored, as a file."""

from pathlib import Path

import pytest

from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.web.paging import MAX_LIMIT
from dfks_rules.web.tokens import TokenFile
from tests.helpers.imports import importing, over
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding
from tests.helpers.web import api, token_file


def _stored(users: int = 3) -> MemoryOperations:
    operations = MemoryOperations()
    for number in range(users):
        one = NOTHING_STORED.replace(DND, ON).replace(CFA, forwarding(False, f'+4930,"{number}'))
        operations.states[Aor(f"u{number:04}", "x.example")] = one
    operations.states[Aor("off", "x.example")] = Snapshot(4, NOTHING_STORED.states)
    operations.states[Aor("z", "y.example")] = NOTHING_STORED.replace(DND, ON)
    return operations


@pytest.mark.parametrize("of", ["csv", "ndjson"])
async def test_an_import_of_an_export_gives_the_same(tmp_path: Path, of: str) -> None:
    """Of every page; both formats."""
    operations = _stored(MAX_LIMIT + 1)
    empty = MemoryOperations()
    async with (
        api(operations) as full,
        importing(tmp_path, empty) as jobs,
        api(empty) as web,
    ):
        file = await full.ask("GET", f"/v1/export?format={of}")
        assert file.status == 200
        kind = file.headers["Content-Type"]
        got = await web.ask("POST", "/v1/imports", data=file.body, Content_Type=kind)
        done = await over(jobs, got.json["id"])
        again = await web.ask("GET", f"/v1/export?format={of}")
    assert (done.refused, done.unusable) == (0, 0)
    assert again.body == file.body
    known = {aor: one.states for aor, one in operations.states.items() if aor.user != "off"}
    assert {aor: one.states for aor, one in empty.states.items()} == known


async def test_rows_are_sorted_and_can_be_of_one_domain() -> None:
    """NDJSON where nobody says otherwise."""
    async with api(_stored(1)) as web:
        everything = (await web.ask("GET", "/v1/export")).body.splitlines()
        one = await web.ask("GET", "/v1/export?domain=Y.EXAMPLE&format=csv")
    assert len(everything) == 3
    assert b'"sip:u0000@x.example","feature":"DoNotDisturb"' in everything[0]
    assert one.body.splitlines()[1:] == [b"sip:z@y.example,DoNotDisturb,on,,,,,"]


async def test_an_export_holds_only_domains_of_the_token(tmp_path: Path) -> None:
    """Another one is not there."""
    tokens = token_file(tmp_path, y=(["bulk"], ["y.example"]))
    async with api(_stored(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["y"]
        assert b"x.example" not in (await web.ask("GET", "/v1/export")).body
        got = await web.ask("GET", "/v1/export?domain=x.example")
        assert (got.status, got.kind) == (404, "not-found")
        assert (await web.ask("GET", "/v1/export?format=xml")).kind == "bad-parameter"
