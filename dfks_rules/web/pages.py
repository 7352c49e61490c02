"""Files for browsers, compressed and hashed once.

All but the page itself lie in a folder that is named by what they hold together. So a browser may
keep them for ever, and never mixes those of two versions.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

ROOT = "/console/"
"""Where the page is; links to it end in a part behind `#`, which no server is told."""
INDEX = "index.html"
_VERSION = b"VERSION"
"""What stands for the name of the folder in the page."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
}


class Page(NamedTuple):
    """One file."""

    body: bytes
    zipped: bytes
    headers: Mapping[str, str]


class Pages:
    """The files of one console."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Compress them.

        Args:
            files: path → what it holds; `index.html` is among them.
        """
        told = hashlib.sha256()
        for name, body in sorted(files.items()):
            told.update(b"%b\0%d\0%b" % (name.encode(), len(body), body))
        version = told.hexdigest()[:16]
        self._pages = {
            f"{ROOT}{version}/{name}": _page(name, body, _FOR_EVER)
            for name, body in files.items()
            if name != INDEX
        }
        index = files[INDEX].replace(_VERSION, version.encode())
        self._pages[ROOT] = _page(INDEX, index, "no-cache")

    def has(self, path: str) -> bool:
        """Whether a path is the console's, though nothing may be there."""
        return path == "/" or path.startswith(ROOT) or path == ROOT.rstrip("/")

    def serve(self, request: web.Request) -> web.Response:
        """What a browser asks for.

        Raises:
            HTTPFound: it is elsewhere.
            HTTPNotFound: there is no such file, or no longer.
        """
        page = self._pages.get(request.path)
        if page is None:
            if request.path in ("/", ROOT.rstrip("/")):
                raise web.HTTPFound(ROOT)
            raise web.HTTPNotFound
        if page.headers["ETag"] in _tags(request.headers.get("If-None-Match", "")):
            return web.Response(status=304, headers=page.headers)
        if _takes_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(
                body=page.zipped, headers={**page.headers, "Content-Encoding": "gzip"}
            )
        return web.Response(body=page.body, headers=page.headers)


def _tags(text: str) -> list[str]:
    """What a client has; a proxy that compresses makes tags weak (RFC 9110, section 8.8.3.3)."""
    return [tag.strip().removeprefix("W/") for tag in text.split(",")]


def _takes_gzip(text: str) -> bool:
    """Whether Accept-Encoding names it, and does not rule it out (RFC 9110, section 12.5.3)."""
    for one in text.split(","):
        name, _, weight = one.replace(" ", "").partition(";")
        if name == "gzip":
            return bool(weight.removeprefix("q=").strip("0.")) or not weight
    return False


def _page(name: str, body: bytes, cached: str) -> Page:
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("image/svg+xml", "application/json")
    headers = {
        **_HEADERS,
        "Content-Type": f"{kind}; charset=utf-8" if text else kind,
        "Cache-Control": cached,
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"',
        "Vary": "Accept-Encoding",
    }
    return Page(body, gzip.compress(body, 9, mtime=0), headers)
