"""A browser's session: the token, in a cookie that no script of a page can read.

The cookie holds the token itself. So nothing is kept here, a session outlives a restart, and it
ends when the token does. Over HTTPS its name has a prefix with which browsers take it from this
host only, never from a sibling that shares the domain.

What only a browser says (`Sec-Fetch-Site`, `Origin`) keeps pages of others from writing by the
cookie, or to a loopback address without tokens.

Reference: draft-ietf-httpbis-rfc6265bis, section 4.1.3.2 (`__Host-`); Fetch Metadata Request
Headers (W3C)
"""

from aiohttp import web

from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.problem import Problem

COOKIE = "dfks-session"
_SECURE = f"__Host-{COOKIE}"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


def secret_of(request: web.Request) -> str:
    """The token that a request comes with; empty: none.

    Raises:
        Problem: it authenticates in a way that is not supported.
    """
    if "Authorization" not in request.headers:
        return request.cookies.get(_SECURE if is_secure(request) else COOKIE, "")
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Problem("token-needed", None, {"WWW-Authenticate": 'Bearer realm="dfks"'})
    return secret.strip()


def is_secure(request: web.Request) -> bool:
    """Whether the browser came by HTTPS, also where a proxy ends it.

    Whoever says so without a proxy does it to himself: cookies of plain HTTP are then not seen.
    """
    return request.secure or request.headers.get("X-Forwarded-Proto", "").startswith("https")


def check_origin(request: web.Request) -> None:
    """Raise where a page of somebody else has a browser change something here.

    Raises:
        Problem: it does.
    """
    if request.method in _SAFE:
        return
    origin = request.headers.get("Origin", "")
    site = request.headers.get("Sec-Fetch-Site")
    # A browser that knows it tells it itself, whatever Host a proxy writes.
    is_own = site in ("same-origin", "none") if site else _is_own(origin, request)
    if not is_own:
        raise Problem(
            "wrong-origin",
            phrase("a page of `{origin}` has sent this", origin=(origin or site or "")[:100]),
        )


def _is_own(origin: str, request: web.Request) -> bool:
    scheme, _, host = origin.partition("://")
    is_weaker = scheme == "http" and is_secure(request)
    return not origin or (host == request.host and not is_weaker)


def cookie_of(token: str, *, secure: bool) -> str:
    """The header that has a browser send a token from now on; empty: no longer."""
    name, marked = (_SECURE, "; Secure") if secure else (COOKIE, "")
    age = "" if token else "; Max-Age=0"
    return f"{name}={token}; Path=/; HttpOnly; SameSite=Strict{marked}{age}"
