"""The server, as a bridge asks it."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from dfks_rules.errors import DfksError
from dfks_rules.model.features import Feature
from dfks_rules.web.client import ApiClient, ApiError, Event

NOWHERE = "9" * 18
"""An id that no event has: the stream begins with a gap, and from there on nothing is missed."""
_AWAY = frozenset({0, 408, 425, 429, 500, 502, 503, 504})
_USELESS = frozenset({"token-needed", "scope-missing", "not-kept", "wrong-host"})


class ServerAwayError(DfksError):
    """The server cannot be asked now; later, it may."""

    def __init__(self, message: str) -> None:
        super().__init__("server_away", message)


class ChangedError(Exception):
    """It has changed meanwhile: look again."""


class RefusedError(Exception):
    """A set is refused, by a policy or since the feature cannot have this value; says why."""


class Presentity(NamedTuple):
    """What the server has for one presentity."""

    revision: int
    features: Mapping[str, Mapping[str, Any]]
    """Name → state."""


class Server:
    """The API; what a retry may mend raises `ServerAwayError`, what it cannot, `ApiError`."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def show(self, presentity: str) -> Presentity:
        """What is stored for one."""
        return _presentity(await self._ask("GET", _path(presentity)))

    async def every(self, domain: str) -> AsyncIterator[tuple[str, Presentity]]:
        """What is stored, for each of a domain for whom anything was ever stored."""
        try:
            async for one in self._client.pages(
                "/v1/presentities", {"domain": domain, "limit": 500}
            ):
                yield one["presentity"], _presentity(one)
        except ApiError as error:
            raise _told(error) from error

    async def set(
        self, presentity: str, feature: Feature, body: Mapping[str, Any], change: "Change"
    ) -> int:
        """Set a feature, if nothing has changed meanwhile; gives the revision that it led to.

        Raises:
            ChangedError: something has.
            RefusedError: it is refused.
        """
        headers = {"If-Match": f'"{change.revision}"', "Idempotency-Key": change.key}
        path = f"{_path(presentity)}/features/{feature.value}"
        try:
            return int((await self._ask("PUT", path, body, headers))["revision"])
        except ApiError as error:
            if error.status in (409, 412):
                raise ChangedError from error
            if error.kind in ("refused-by-policy", "value-not-of-feature", "invalid-body"):
                raise RefusedError(error.message) from error
            raise

    async def events(self, domain: str, last: str) -> AsyncIterator[Event]:
        """Changes in a domain, after those known; `gap` where some are lost; `PLACE`."""
        query = {"types": "feature-changed", "domain": domain}
        try:
            async for event in self._client.events(
                "/v1/events", query=query, last=last or NOWHERE, with_places=True
            ):
                yield event
        except ApiError as error:
            raise _told(error) from error

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            return await self._client.ask(method, path, body=body, headers=headers)
        except ApiError as error:
            raise _told(error) from error


class Change(NamedTuple):
    """One change, however often it is sent."""

    revision: int
    """Of the presentity to which it is made."""
    key: str
    """By which the server knows it again."""


def change_of(revision: int) -> Change:
    """A new change."""
    return Change(revision, str(uuid.uuid4()))


def is_useless(error: ApiError) -> bool:
    """Whether it will be the same with every request: an operator has to do something."""
    return error.kind in _USELESS


def _told(error: ApiError) -> DfksError:
    return ServerAwayError(error.message) if error.status in _AWAY else error


def _path(presentity: str) -> str:
    return f"/v1/presentities/{quote(presentity, safe='')}"


def _presentity(told: Mapping[str, Any]) -> Presentity:
    return Presentity(told["revision"], told["features"])
