"""Imports over HTTP."""

import asyncio
import os
from pathlib import Path

import pytest
from yarl import URL

from dfks_rules.operations.imports import MAX_UNFINISHED
from dfks_rules.web.api.imports import OPERATIONS
from dfks_rules.web.table import Body
from dfks_rules.web.tokens import TokenFile
from tests.helpers.imports import HEAD, importing, over, until
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.web import ALL, Api, Got, api, token_file

_ROWS = (
    f"{HEAD}a@x.example,DoNotDisturb,on,\n"
    f"b@x.example,CallForwardingAlways,on,{REFUSED_TARGET}\n"
    "c@y.example,DoNotDisturb,on,\n"
)


async def _post(web: Api, rows: str, query: str = "", kind: str = "text/csv") -> Got:
    return await web.ask("POST", f"/v1/imports{query}", data=rows.encode(), Content_Type=kind)


async def test_a_file_is_accepted_and_its_progress_can_be_read(tmp_path: Path) -> None:
    """202, where to look, and in the end a report, page by page."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:
        got = await _post(web, _ROWS + "nonsense\n")
        assert got.status == 202
        place = got.headers["Location"]
        assert place == f"/v1/imports/{got.json['id']}"
        await over(jobs, got.json["id"])
        done = (await web.ask("GET", place)).json
        assert (done["status"], done["rows"], done["changed"]) == ("done", 4, 2)
        assert (done["refused"], done["unusable"], done["actor"]) == (1, 1, "api")
        first = (await web.ask("GET", f"{place}/refusals?limit=1")).json
        assert [one["rule"] for one in first["items"]] == ["default/no-premium"]
        rest = (await web.ask("GET", f"{place}/refusals?after={first['next']}")).json
        assert [one["row"] for one in rest["items"]] == [4]
        assert "next" not in rest
        listed = (await web.ask("GET", "/v1/imports")).json["items"]
        assert listed == [done]


async def test_an_import_that_is_asked_for_again_with_its_key_is_the_same(tmp_path: Path) -> None:
    """A client that did not hear the answer has the file imported once; another file is another."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:

        async def post(rows: str) -> Got:
            data, kind = rows.encode(), "text/csv"
            return await web.ask(
                "POST", "/v1/imports", data=data, Content_Type=kind, Idempotency_Key="k"
            )

        first, again = await post(_ROWS), await post(_ROWS)
        assert (again.status, again.body) == (202, first.body)
        assert again.headers["Location"] == first.headers["Location"]
        assert len(jobs.own()) == 1
        other = await post(_ROWS + "d@x.example,DoNotDisturb,on,\n")
        assert (other.status, other.kind) == (422, "idempotency-key-reused")
        assert len(jobs.own()) == 1


async def test_what_was_not_read_to_its_end_is_not_remembered(tmp_path: Path) -> None:
    """Nobody could tell whether another file is the same."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:
        url = URL(f"{web.url}/v1/imports")
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            b"POST /v1/imports HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            b"Idempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await asyncio.sleep(0.05)  # Its head is taken before the rest comes.
        writer.write(b"zz\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 422 ")
        writer.close()
        rows, kind = _ROWS.encode(), "text/csv"
        got = await web.ask(
            "POST", "/v1/imports", data=rows, Content_Type=kind, Idempotency_Key="k"
        )
        assert got.status == 202
        assert len(jobs.own()) == 1


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """The report is what the import would give."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:
        rows = '{"presentity": "a@x.example", "feature": "DoNotDisturb", "status": "on"}\n'
        got = await _post(web, rows, "?dryRun=true", "application/x-ndjson")
        done = await over(jobs, got.json["id"])
    assert (done.is_dry, done.changed) == (True, 1)
    assert operations.states == {}


async def test_an_import_is_cancelled(tmp_path: Path) -> None:
    """Once more changes nothing."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations, rate=1) as _, api(operations) as web:
        got = await _post(web, _ROWS)
        for _ in range(2):
            gone = await web.ask("DELETE", got.headers["Location"])
            assert (gone.status, gone.json["status"]) == (200, "cancelled")


@pytest.mark.parametrize(
    ("rows", "query", "kind", "status", "problem"),
    [
        ("name,number\n", "", "text/csv", 422, "invalid-body"),
        ("", "", "application/x-ndjson", 422, "invalid-body"),
        (_ROWS, "", "application/json", 415, "wrong-content-type"),
        (_ROWS, "?dryRun=yes", "text/csv", 400, "bad-parameter"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_at_once(
    tmp_path: Path, rows: str, query: str, kind: str, status: int, problem: str
) -> None:
    """And says why."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:
        got = await _post(web, rows, query, kind)
        assert (got.status, got.kind) == (status, problem)
        assert jobs.own() == []


async def test_a_file_may_have_so_many_bytes(tmp_path: Path) -> None:
    """It is not read to its end."""
    body = Body(None, ("text/csv",), most=len(_ROWS))
    table = [one._replace(body=body) for one in OPERATIONS if one.name == "createImport"]
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations, table=table) as web:
        assert (await _post(web, _ROWS)).status == 202
        got = await _post(web, _ROWS + "x")
        assert (got.status, got.kind) == (413, "too-large")
        assert len(jobs.own()) == 1


async def test_too_many_imports_are_turned_away(tmp_path: Path) -> None:
    """Their files take space."""
    operations = MemoryOperations()
    async with importing(tmp_path, operations, starts=False), api(operations) as web:
        for _ in range(MAX_UNFINISHED):
            assert (await _post(web, _ROWS)).status == 202
        got = await _post(web, _ROWS)
        assert (got.status, got.kind) == (429, "too-many-requests")


async def test_tenants_see_and_set_only_what_is_theirs(tmp_path: Path) -> None:
    """Also an import of somebody who sees more is not there for them."""
    tokens = token_file(tmp_path, all=(ALL, ()), x=(["bulk"], ["x.example"]), no=(["trace"], ()))
    operations = MemoryOperations()
    async with (
        importing(tmp_path, operations) as jobs,
        api(operations, TokenFile(tmp_path / "tokens.json")) as web,
    ):
        web.token = tokens["x"]
        own = (await _post(web, _ROWS)).json
        done = await over(jobs, own["id"])
        assert (own["actor"], done.changed, done.refused, done.unusable) == ("x", 1, 1, 1)
        web.token = tokens["all"]
        other = (await _post(web, _ROWS)).json["id"]
        assert len((await web.ask("GET", "/v1/imports")).json["items"]) == 2
        web.token = tokens["x"]
        assert len((await web.ask("GET", "/v1/imports")).json["items"]) == 1
        for method, path in (("GET", ""), ("GET", "/refusals"), ("DELETE", "")):
            got = await web.ask(method, f"/v1/imports/{other}{path}")
            assert (got.status, got.kind) == (404, "not-found")
        web.token = tokens["no"]
        assert (await _post(web, _ROWS)).kind == "scope-missing"


async def test_a_server_that_keeps_nothing_imports_nothing() -> None:
    """How far an import is could not survive."""
    async with api(MemoryOperations()) as web:
        got = await _post(web, _ROWS)
    assert (got.status, got.kind) == (501, "not-kept")


async def test_a_file_that_stops_coming_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it remains, whether the client waits or has gone."""
    monkeypatch.setattr("dfks_rules.web.bodies.PATIENCE", 0.1)
    operations = MemoryOperations()
    async with importing(tmp_path, operations) as jobs, api(operations) as web:
        port = int(web.url.rpartition(":")[2])
        for waits in (True, False):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST /v1/imports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\n"
                b"Content-Length: 1000\r\n\r\npresentity,feature,status\n"
            )
            if waits:
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 408 ")
            writer.close()
            await writer.wait_closed()
        await until(lambda: not jobs._receiving)
        assert jobs.own() == []
        assert os.listdir(tmp_path / "s.db.imports") == []
