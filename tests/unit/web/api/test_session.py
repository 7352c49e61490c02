"""Who asks; a session begins and ends."""

from pathlib import Path

import pytest

from dfks_rules.web.session import COOKIE
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, api, token_file

_SESSION = "/v1/session"


async def test_without_tokens_whoever_is_on_this_machine_may_do_everything() -> None:
    """The page then asks for none."""
    async with api(MemoryOperations()) as web:
        told = (await web.ask("GET", _SESSION)).json
        assert (told["name"], told["domains"], told["needsToken"]) == ("api", None, False)
        assert told["scopes"] == sorted(ALL)
        assert set(told["offers"]) <= {"cluster", "events", "journal", "webhooks"}


async def test_nobody_is_told_nothing_of_the_server(tmp_path: Path) -> None:
    """And no error: whoever opens the console for the first time has made none."""
    token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        for cookie in ("", f"{COOKIE}=dfks_revoked"):
            got = await web.ask("GET", _SESSION, Cookie=cookie)
            assert (got.status, got.body) == (204, b"")


async def test_a_session_begins_with_a_token_and_ends(tmp_path: Path) -> None:
    """The cookie has it; spaces around what was pasted do not matter."""
    tokens = token_file(tmp_path, acme=(["features:read"], ["acme.example"]))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        begun = await web.ask("POST", _SESSION, {"token": f" {tokens['acme']}\n"})
        assert (begun.status, begun.body) == (204, b"")
        cookie = begun.headers["Set-Cookie"].partition(";")[0]
        assert cookie == f"{COOKIE}={tokens['acme']}"
        told = (await web.ask("GET", _SESSION, Cookie=cookie)).json
        assert (told["name"], told["scopes"]) == ("acme", ["features:read"])
        assert (told["domains"], told["needsToken"]) == (["acme.example"], True)
        ended = await web.ask("DELETE", _SESSION, Cookie=cookie)
        assert ended.status == 204
        assert ended.headers["Set-Cookie"].startswith(f"{COOKIE}=; ")
        assert "Max-Age=0" in ended.headers["Set-Cookie"]


async def test_behind_a_proxy_with_https_the_cookie_goes_over_https_only(tmp_path: Path) -> None:
    """The proxy says so; the last one may have added to what was there."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        for told in ("https", "https, http"):
            got = await web.ask("POST", _SESSION, {"token": tokens["desk"]}, X_Forwarded_Proto=told)
            assert "; Secure" in got.headers["Set-Cookie"]
            assert got.headers["Set-Cookie"].startswith("__Host-")
        got = await web.ask("POST", _SESSION, {"token": tokens["desk"]}, X_Forwarded_Proto="http")
        assert "Secure" not in got.headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["wrong", "a\r\nSet-Cookie: b=c", "a; Domain=example", "é", " "])
async def test_what_is_no_token_begins_nothing(tmp_path: Path, token: str) -> None:
    """Nor where none is asked for: nobody's text gets into a header."""
    token_file(tmp_path, desk=(ALL, ()))
    for file in (None, TokenFile(tmp_path / "tokens.json")):
        async with api(MemoryOperations(), file) as web:
            got = await web.ask("POST", _SESSION, {"token": token})
            assert (got.status, got.kind) == (401, "token-needed")
            assert "Set-Cookie" not in got.headers


async def test_the_token_is_not_kept_with_answers(tmp_path: Path) -> None:
    """Answers to a key are kept in the store, headers and all: one who signs in has no key."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    operations = MemoryOperations()
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        for token in (tokens["desk"], "wrong"):
            await web.ask("POST", _SESSION, {"token": token}, Idempotency_Key="k")
        assert (
            await web.ask("POST", _SESSION, {"token": "wrong"}, Idempotency_Key="k")
        ).status == 401
        assert await operations.answers.begin("", "k", b"") is None
