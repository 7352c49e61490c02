"""A browser's session: the token, in a cookie that no script of a page can read.

The cookie holds the token itself. So nothing is kept here, a session outlives a restart, and it
ends when the token does. What only a browser says (`Sec-Fetch-Site`, `Origin`) keeps pages of
others from writing by it, or to a loopback address without tokens.
"""

from aiohttp import web

from dfks_rules.web.problem import Problem

COOKIE = "dfks-session"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


def secret_of(request: web.Request) -> str:
    """The token that a request comes with; empty: none.

    Raises:
        Problem: it authenticates in a way that is not supported.
    """
    if "Authorization" not in request.headers:
        return request.cookies.get(COOKIE, "")
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Problem("token-needed", None, {"WWW-Authenticate": 'Bearer realm="dfks"'})
    return secret.strip()


def check_origin(request: web.Request) -> None:
    """Raise where a page of somebody else has a browser change something here.

    Raises:
        Problem: it does.
    """
    if request.method in _SAFE:
        return
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (
        origin is not None and origin.partition("://")[2] != request.host
    ):
        raise Problem("wrong-origin", f"a page of `{(origin or site)[:100]}` has sent this")


def cookie_of(token: str, *, secure: bool) -> str:
    """The header that has a browser send a token from now on; empty: no longer."""
    age = "" if token else "; Max-Age=0"
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}{age}"
