"""Files for browsers: as they are compressed, found, kept and not found."""

import gzip
import re

import pytest

from dfks_rules.web.pages import ROOT, Pages
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import Api, api

FILES = {
    "index.html": b'<script type="module" src="VERSION/app.js"></script>',
    "app.js": b"export const one = 1;\n" * 100,
    "icon.svg": b"<svg/>",
    "policy.schema.json": b"{}",
}


async def _folder(web: Api) -> str:
    """Where the files are that the page names."""
    page = await web.ask("GET", ROOT, Accept_Encoding="identity")
    found = re.search(rb'src="([0-9a-f]{16})/app.js"', page.body)
    assert found
    return f"{ROOT}{found[1].decode()}"


async def test_the_page_names_its_files_and_is_asked_for_each_time() -> None:
    """Its files may be kept for ever."""
    async with api(MemoryOperations(), console=FILES) as web:
        folder = await _folder(web)
        page = await web.ask("GET", ROOT)
        assert page.headers["Cache-Control"] == "no-cache"
        script = await web.ask("GET", f"{folder}/app.js", Accept_Encoding="identity")
        assert (script.status, script.body) == (200, FILES["app.js"])
        assert "immutable" in script.headers["Cache-Control"]
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"


async def test_the_folder_has_another_name_once_any_file_is_another() -> None:
    """So a browser never mixes two versions."""
    folders = set()
    for files in (FILES, {**FILES, "icon.svg": b"<svg />"}):
        async with api(MemoryOperations(), console=files) as web:
            folders.add(await _folder(web))
    assert len(folders) == 2


@pytest.mark.parametrize(
    ("takes", "is_zipped"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1, gzip;q=0.5", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, identity", False),
    ],
)
async def test_it_is_compressed_for_whoever_takes_that(takes: str, *, is_zipped: bool) -> None:
    """And is the same then."""
    async with api(MemoryOperations(), console=FILES) as web:
        got = await web.ask("GET", f"{await _folder(web)}/app.js", Accept_Encoding=takes)
        assert got.headers.get("Content-Encoding") == ("gzip" if is_zipped else None)
        assert got.headers["Vary"] == "Accept-Encoding"
        assert (gzip.decompress(got.body) if is_zipped else got.body) == FILES["app.js"]


async def test_what_the_browser_has_is_not_sent_again() -> None:
    """Also where a proxy has made its tag weak."""
    async with api(MemoryOperations(), console=FILES) as web:
        tag = (await web.ask("GET", ROOT)).headers["ETag"]
        for told in (tag, f"W/{tag}", f'"other", {tag}'):
            got = await web.ask("GET", ROOT, If_None_Match=told)
            assert (got.status, got.body, got.headers["ETag"]) == (304, b"", tag)
        assert (await web.ask("GET", ROOT, If_None_Match='"other"')).status == 200


async def test_head_is_get_without_a_body() -> None:
    """Whoever watches the page may ask like this."""
    async with api(MemoryOperations(), console=FILES) as web:
        got = await web.ask("HEAD", ROOT, Accept_Encoding="identity")
        page = await web.ask("GET", ROOT, Accept_Encoding="identity")
        assert (got.status, got.body) == (200, b"")
        assert got.headers["Content-Length"] == str(len(page.body))


async def test_whoever_leaves_something_out_is_sent_to_the_page() -> None:
    """People type the host, or leave out the slash."""
    async with api(MemoryOperations(), console=FILES) as web:
        for path in ("/", "/console"):
            got = await web.ask("GET", path)
            assert (got.status, got.headers["Location"]) == (302, ROOT)


@pytest.mark.parametrize(
    "path",
    [
        "/console/nothing",
        "/console/app.js",
        "/console/0123456789abcdef/app.js",
        "/consoles",
        "/console/../../etc/passwd",
        "/console/%2e%2e/%2e%2e/etc/passwd",
        "/console//etc/passwd",
        "/console/..%2f..%2fetc%2fpasswd",
        "/console/index.html",
        "/console/%00",
    ],
)
async def test_what_is_not_there_is_not_found(path: str) -> None:
    """No path leads out: none is looked for on the disk."""
    async with api(MemoryOperations(), console=FILES) as web:
        got = await web.ask("GET", path)
        assert (got.status, got.kind) == (404, "not-found")


async def test_nothing_is_written_there() -> None:
    """The console itself takes no requests but for its files."""
    async with api(MemoryOperations(), console=FILES) as web:
        got = await web.ask("POST", ROOT, {})
        assert (got.status, got.kind) == (405, "method-not-allowed")


async def test_no_page_of_others_shows_it_or_is_shown_by_it() -> None:
    """No frame, no script but its own, no style that is written into it, nobody else asked."""
    async with api(MemoryOperations(), console=FILES) as web:
        headers = (await web.ask("GET", ROOT)).headers
        told = dict(
            one.strip().split(" ", 1) for one in headers["Content-Security-Policy"].split(";")
        )
        assert told["default-src"] == told["frame-ancestors"] == told["base-uri"] == "'none'"
        assert told["script-src"] == told["style-src"] == told["connect-src"] == "'self'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


async def test_without_a_console_there_is_none() -> None:
    """Where the settings say so."""
    async with api(MemoryOperations()) as web:
        for path in ("/", ROOT):
            assert (await web.ask("GET", path)).status == 404


def test_what_is_the_consoles_is_known_though_nothing_is_there() -> None:
    """It is public, and 404 rather than 401: a browser would ask for a password."""
    pages = Pages(FILES)
    assert all(pages.has(path) for path in ("/", "/console", ROOT, f"{ROOT}nothing"))
    assert not any(pages.has(path) for path in ("/consoles", "/v1/session", ""))
