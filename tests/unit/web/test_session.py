"""A token in a cookie, and writes that pages of others have a browser send."""

from pathlib import Path
from typing import Any

import pytest

from dfks_rules.web.session import COOKIE, cookie_of
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, api, token_file

_ALICE = "/v1/presentities/sip:alice@example.com"
_DND = f"{_ALICE}/features/DoNotDisturb"
_ON = {"status": "on"}
_FILES = {"index.html": b"<p>VERSION</p>"}
_SECURE = f"__Host-{COOKIE}"


async def test_a_cookie_does_what_its_token_may(tmp_path: Path) -> None:
    """Until it is revoked; the page itself is there for everybody."""
    tokens = token_file(tmp_path, desk=(["features:read"], ["example.com"]))
    file = TokenFile(tmp_path / "tokens.json")
    async with api(MemoryOperations(), file, console=_FILES) as web:
        cookie = f"theme=dark; {COOKIE}={tokens['desk']}"
        assert (await web.ask("GET", _ALICE, Cookie=cookie)).status == 200
        got = await web.ask("PUT", _DND, _ON, Cookie=cookie)
        assert (got.status, got.kind) == (403, "scope-missing")
        other = "/v1/presentities/sip:bob@acme.example"
        assert (await web.ask("GET", other, Cookie=cookie)).status == 404
        token_file(tmp_path, other=(ALL, ()))
        assert (await web.ask("GET", _ALICE, Cookie=cookie)).status == 401
        for path in ("/console/", "/healthz"):
            assert (await web.ask("GET", path, Cookie=cookie)).status == 200


@pytest.mark.parametrize("value", ["", "x", '"', "dfks_", "é", "a=b; c", "x" * 4000])
async def test_a_cookie_that_is_no_token_is_none(tmp_path: Path, value: str) -> None:
    """Whoever wrote it."""
    token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json"), console=_FILES) as web:
        cookie = f"{COOKIE}={value}"
        assert (await web.ask("GET", "/console/", Cookie=cookie)).status == 200
        got = await web.ask("GET", _ALICE, Cookie=cookie)
        assert (got.status, got.kind) == (401, "token-needed")


async def test_cookies_have_a_bound() -> None:
    """Megabytes of them are read by nobody."""
    async with api(MemoryOperations(), console=_FILES) as web:
        got = await web.ask("GET", "/console/", Cookie=f"{COOKIE}={'x' * 100_000}")
        assert (got.status, got.kind) == (400, "bad-request")


async def test_who_says_who_he_is_is_believed_rather_than_his_cookie(tmp_path: Path) -> None:
    """A wrong token is no reason to fall back to another."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json"), console=_FILES) as web:
        cookie = f"{COOKIE}={tokens['desk']}"
        for told in ("Bearer wrong", "Basic YTpi", "Bearer"):
            got = await web.ask("GET", _ALICE, Cookie=cookie, Authorization=told)
            assert (got.status, got.kind) == (401, "token-needed")


async def test_over_https_a_cookie_of_a_sibling_host_is_not_seen(tmp_path: Path) -> None:
    """Only this host can set one whose name begins with `__Host-`: a session cannot be foisted."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        https: dict[str, Any] = {"X_Forwarded_Proto": "https"}
        plain, secure = (f"{name}={tokens['desk']}" for name in (COOKIE, _SECURE))
        assert (await web.ask("GET", _ALICE, Cookie=plain, **https)).status == 401
        assert (await web.ask("GET", _ALICE, Cookie=secure, **https)).status == 200
        assert (await web.ask("GET", _ALICE, Cookie=secure)).status == 401


def test_no_script_can_read_the_cookie_and_no_other_site_can_use_it() -> None:
    """It ends with the browser, or at once."""
    assert cookie_of("t", secure=False) == f"{COOKIE}=t; Path=/; HttpOnly; SameSite=Strict"
    assert cookie_of("t", secure=True) == f"{_SECURE}=t; Path=/; HttpOnly; SameSite=Strict; Secure"
    assert cookie_of("", secure=False).endswith("; Max-Age=0")


_FOREIGN: list[dict[str, Any]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"},
    {"Host": "localhost", "Origin": "http://localhost:3000"},
    {"Host": "localhost", "Origin": "http://localhost", "X_Forwarded_Proto": "https"},
]


@pytest.mark.parametrize("headers", _FOREIGN)
async def test_a_page_of_others_changes_nothing(tmp_path: Path, headers: dict[str, Any]) -> None:
    """With a cookie, a token or neither; also by requests that browsers send without asking."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    for file in (None, TokenFile(tmp_path / "tokens.json")):
        operations = MemoryOperations()
        async with api(operations, file) as web:
            who: tuple[dict[str, Any], ...] = (
                {"Cookie": f"{COOKIE}={tokens['desk']}; {_SECURE}={tokens['desk']}"},
                {"Authorization": f"Bearer {tokens['desk']}"},
                {},
            )
            for told in who:
                for method, path, body in (
                    ("PUT", _DND, _ON),
                    ("POST", f"{_ALICE}/notify", None),
                    ("POST", "/v1/policies/reload", None),
                    ("POST", "/v1/session", {"token": tokens["desk"]}),
                    ("DELETE", "/v1/session", None),
                ):
                    got = await web.ask(method, path, body, **told, **headers)
                    assert (got.status, got.kind) == (403, "wrong-origin")
                    assert "Set-Cookie" not in got.headers
        assert not operations.states


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:8080", "Host": "localhost:8080"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "https://keys.example.com"},
        {"Sec_Fetch_Site": "none"},
    ],
)
async def test_the_page_itself_and_programs_change_what_they_may(headers: dict[str, Any]) -> None:
    """Also behind a proxy that writes a Host of its own: a browser that knows tells it."""
    async with api(MemoryOperations()) as web:
        assert (await web.ask("PUT", _DND, _ON, **headers)).status == 200


async def test_a_name_that_was_rebound_to_this_machine_reads_no_page() -> None:
    """Origin and Host are the same then; the name is what gives it away."""
    async with api(MemoryOperations(), console=_FILES) as web:
        for path in ("/console/", "/", "/v1/session"):
            got = await web.ask("GET", path, Host="evil.example")
            assert (got.status, got.kind) == (403, "wrong-host")
        told: dict[str, Any] = {"Host": "evil.example", "Origin": "http://evil.example"}
        got = await web.ask("PUT", _DND, _ON, **told)
        assert (got.status, got.kind) == (403, "wrong-host")


async def test_no_answer_is_kept_by_browser_or_proxy_for_whoever_comes_next() -> None:
    """Also what goes wrong; what has a tag is asked for again, and kept by the browser alone."""
    async with api(MemoryOperations()) as web:
        for path in ("/v1/session", "/v1/statistics", "/nothing", "/healthz", "/v1/history"):
            assert (await web.ask("GET", path)).headers["Cache-Control"] == "no-store", path
        for path in (_ALICE, "/v1/policies"):
            assert (await web.ask("GET", path)).headers["Cache-Control"] == "private, no-cache"
        headers = (await web.ask("GET", _ALICE)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
