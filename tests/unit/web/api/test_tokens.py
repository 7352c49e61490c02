"""Which tokens there are."""

import time
from datetime import datetime
from pathlib import Path

from dfks_rules.web.tokens import Entry, TokenFile, hash_of, read_tokens, write_tokens
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, api, token_file

PATH = "/v1/tokens"
_CREATED = "2026-01-05T09:00:00+00:00"
_EXPIRED = "2026-01-06T10:00:00+01:00"
_DOMAINS = {
    "desk": (),
    "acme": ("acme.example",),
    "other": ("other.example",),
    "both": ("acme.example", "other.example"),
}


async def test_a_token_is_listed_with_what_it_may_and_when_it_was_used(tmp_path: Path) -> None:
    """Also one that has expired; nothing by which somebody could get in."""
    tokens = token_file(tmp_path, noc=(ALL, ()), acme=(("bulk",), ("acme.example",)))
    file = tmp_path / "tokens.json"
    noc, acme = read_tokens(file)
    old = Entry("old", hash_of("dfks_old"), ("bulk",), created=_CREATED, expires=_EXPIRED)
    write_tokens(file, [old, noc, acme._replace(created="in spring")])
    async with api(MemoryOperations(), TokenFile(file)) as web:
        web.token = tokens["noc"]
        before = int(time.time())
        got = await web.ask("GET", PATH)
        first, last, third = got.json["items"]
        assert first == {
            "name": "acme",
            "scopes": ["bulk"],
            "domains": ["acme.example"],
            "created": None,
            "expires": None,
            "lastUsed": None,
            "lastAddress": None,
        }
        assert (last["name"], last["scopes"], last["domains"]) == ("noc", list(ALL), None)
        assert last["lastAddress"] == "127.0.0.1"
        assert before <= datetime.fromisoformat(last["lastUsed"]).timestamp() <= time.time()
        assert third["created"] == "2026-01-05T09:00:00.000+00:00"
        assert third["expires"] == "2026-01-06T10:00:00.000+01:00"
        for secret in (*tokens.values(), noc.sha256, acme.sha256, old.sha256):
            assert secret.encode() not in got.body
        await web.ask("GET", "/v1/session", Authorization=f"Bearer {tokens['acme']}")
        [first, *_] = (await web.ask("GET", PATH)).json["items"]
        assert first["lastAddress"] == "127.0.0.1"


async def test_a_tenant_sees_tokens_for_his_domains_only(tmp_path: Path) -> None:
    """What others have is not his business; to see that of another needs all his domains."""
    tokens = token_file(tmp_path, **{name: (ALL, of) for name, of in _DOMAINS.items()})
    seen = {}
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        for name in _DOMAINS:
            web.token = tokens[name]
            seen[name] = [one["name"] for one in (await web.ask("GET", PATH)).json["items"]]
    assert seen == {
        "desk": ["acme", "both", "desk", "other"],
        "acme": ["acme"],
        "other": ["other"],
        "both": ["acme", "both", "other"],
    }


async def test_a_long_list_comes_in_pages(tmp_path: Path) -> None:
    """A provider has a token for each tenant."""
    names = [f"t{number}" for number in range(5)]
    tokens = token_file(tmp_path, **dict.fromkeys(names, (ALL, ())))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["t0"]
        found, after = [], ""
        for count in (2, 2, 1):
            told = (await web.ask("GET", f"{PATH}?limit=2{after}")).json
            assert len(told["items"]) == count
            found += [one["name"] for one in told["items"]]
            after = f"&after={told.get('next')}"
        assert found == names
        assert "next" not in told


async def test_what_may_do_something_else_lists_no_tokens(tmp_path: Path) -> None:
    """Names of people and their addresses are not for every program."""
    tokens = token_file(tmp_path, bridge=([one for one in ALL if one != "tokens:read"], ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["bridge"]
        assert (await web.ask("GET", PATH)).kind == "scope-missing"


async def test_where_no_token_is_needed_there_is_none() -> None:
    """The list is empty."""
    async with api(MemoryOperations()) as web:
        assert (await web.ask("GET", PATH)).json == {"items": []}
