"""Webhooks over `/v1`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dfks_rules.operations.webhooks import (
    MOST_ENDPOINTS,
    MOST_ENDPOINTS_OF_TOKEN,
    DeadLetter,
    Result,
    Tried,
    Writes,
)
from dfks_rules.web.api.webhooks import OPERATIONS
from dfks_rules.web.schemas import COMPONENTS
from dfks_rules.web.tokens import TokenFile
from tests.helpers.journal import ALICE
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import Api, Got, api, token_file
from tests.helpers.webhooks import REFUSED, Bench

URL = "https://pbx.example.com/dfks"


class _Fixture:
    def __init__(self, server: Api, bench: Bench, tokens: Mapping[str, str]) -> None:
        self.api = server
        self.bench = bench
        self.tokens = tokens

    async def add(self, **said: Any) -> Any:
        """The new webhook."""
        got = await self.api.ask("POST", "/v1/webhooks", {"url": URL, **said})
        assert got.status == 201, got.body
        _fits(got, "WebhookWithSecret")
        return got.json


def _fits(got: Got, name: str) -> None:
    schema = {**COMPONENTS[name], "components": {"schemas": COMPONENTS}}
    jsonschema.Draft202012Validator(schema).validate(got.json)


@pytest.fixture
async def hooks(tmp_path: Path) -> AsyncIterator[_Fixture]:
    """An API with tokens: `ops` sees everything, `acme` its domain, `none` has another scope."""
    bench, operations = Bench(), MemoryOperations()
    service = bench.service()
    operations.webhooks = service
    tokens = token_file(
        tmp_path,
        ops=(["webhooks"], []),
        acme=(["webhooks"], ["acme.example", "b.acme.example"]),
        none=(["features:read"], []),
    )
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as server:
        server.token = tokens["ops"]
        yield _Fixture(server, bench, tokens)
    await service.end()


async def test_a_webhook_is_added_shown_changed_and_removed(hooks: _Fixture) -> None:
    """Its secret is told when it is made, and never again."""
    made = await hooks.add()
    path = f"/v1/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    got = await hooks.api.ask("GET", path)
    _fits(got, "Webhook")
    assert got.json == {name: value for name, value in made.items() if name != "secret"}
    assert got.json["types"] == ["feature-changed"]
    assert got.json["domains"] is None
    assert got.json["createdBy"] == "ops"
    body = {"url": f"{URL}/2", "types": ["feature-refused"], "domains": ["A.example"]}
    got = await hooks.api.ask("PATCH", path, {**body, "coalesce": True, "active": False})
    _fits(got, "Webhook")
    assert got.json | body == got.json | {"domains": ["A.example"]}
    assert (got.json["domains"], got.json["coalesce"]) == (["a.example"], True)
    assert (got.json["active"], got.json["offReason"]) == (False, "switched off by ops")
    got = await hooks.api.ask("PATCH", path, {"active": True})
    assert (got.json["active"], got.json["offReason"]) == (True, None)
    assert (await hooks.api.ask("DELETE", path)).status == 204
    for method in ("GET", "DELETE"):
        assert (await hooks.api.ask(method, path)).kind == "not-found"


async def test_the_secret_is_in_no_list(hooks: _Fixture) -> None:
    """Nor is the one before a rotation."""
    made = await hooks.add()
    got = await hooks.api.ask("POST", f"/v1/webhooks/{made['id']}/rotate")
    _fits(got, "WebhookWithSecret")
    assert got.json["secret"] != made["secret"]
    got = await hooks.api.ask("GET", "/v1/webhooks")
    assert [one["id"] for one in got.json["items"]] == [made["id"]]
    assert b"whsec_" not in got.body


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://pbx.example.com/", "https"),
        ("https://169.254.169.254/latest/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("https://2130706433/", "neither a name"),
        ("file:///etc/passwd", "not a URL"),
    ],
)
async def test_a_url_that_may_not_be_asked_is_refused_with_the_reason(
    hooks: _Fixture, url: str, why: str
) -> None:
    """Both when it is added and when it is changed."""
    made = await hooks.add()
    for method, path in (("POST", ""), ("PATCH", f"/{made['id']}")):
        got = await hooks.api.ask(method, f"/v1/webhooks{path}", {"url": url})
        assert got.kind == "invalid-body"
        assert got.json["errors"][0]["pointer"] == "/url"
        assert why in got.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": URL, "types": []},
        {"url": URL, "types": ["gap"]},
        {"url": URL, "domains": []},
        {"url": URL, "secret": "whsec_mine"},
        {"url": URL, "coalesce": "yes"},
    ],
)
async def test_what_does_not_fit_is_told(hooks: _Fixture, body: dict[str, Any]) -> None:
    """Secrets are made by the server."""
    assert (await hooks.api.ask("POST", "/v1/webhooks", body)).kind == "invalid-body"


@pytest.mark.parametrize(
    "domain", ["\0", "a.example\0", "a b", "alice@a.example", "a.example:5060", "[::1", "%00"]
)
async def test_what_is_no_domain_is_refused(hooks: _Fixture, domain: str) -> None:
    """Wherever states are kept: PostgreSQL could not even take some of it."""
    made = await hooks.add(domains=["A.example", "192.0.2.1", "[2001:DB8::1]"])
    assert made["domains"] == ["192.0.2.1", "[2001:db8::1]", "a.example"]
    body = {"url": URL, "domains": ["a.example", domain]}
    for method, path in (("POST", ""), ("PATCH", f"/{made['id']}")):
        got = await hooks.api.ask(method, f"/v1/webhooks{path}", body)
        assert got.kind == "invalid-body"
        assert got.json["errors"][0]["pointer"] == "/domains/1"


async def test_webhooks_are_bounded(hooks: _Fixture) -> None:
    """The next one is refused."""
    for _ in range(MOST_ENDPOINTS_OF_TOKEN):
        await hooks.add()
    got = await hooks.api.ask("POST", "/v1/webhooks", {"url": URL})
    assert (got.kind, got.json["detail"]) == ("too-many", "`ops` has 32 webhooks")
    hooks.api.token = hooks.tokens["acme"]
    for _ in range(MOST_ENDPOINTS - MOST_ENDPOINTS_OF_TOKEN):
        await hooks.add()
    hooks.api.token = hooks.tokens["ops"]
    assert (await hooks.api.ask("POST", "/v1/webhooks", {"url": URL})).kind == "too-many"


async def test_a_token_with_domains_sees_and_makes_only_those_of_its_domains(
    hooks: _Fixture,
) -> None:
    """Another one is not there for it."""
    everything = await hooks.add()
    other = await hooks.add(domains=["other.example", "acme.example"])
    hooks.api.token = hooks.tokens["acme"]
    mine = await hooks.add()
    assert mine["domains"] == ["acme.example", "b.acme.example"]
    part = await hooks.add(domains=["acme.example"])
    got = await hooks.api.ask("GET", "/v1/webhooks")
    assert [one["id"] for one in got.json["items"]] == [mine["id"], part["id"]]
    for one in (everything, other):
        path = f"/v1/webhooks/{one['id']}"
        for method, rest, body in (
            ("GET", "", None),
            ("PATCH", "", {"coalesce": True}),
            ("DELETE", "", None),
            ("POST", "/test", None),
            ("POST", "/rotate", None),
            ("GET", "/dead", None),
            ("POST", "/dead/1/retry", None),
        ):
            assert (await hooks.api.ask(method, path + rest, body)).kind == "not-found"
    got = await hooks.api.ask("POST", "/v1/webhooks", {"url": URL, "domains": ["other.example"]})
    assert got.json["errors"][0]["pointer"] == "/domains/0"
    got = await hooks.api.ask("PATCH", f"/v1/webhooks/{part['id']}", {"domains": None})
    assert got.json["domains"] == ["acme.example", "b.acme.example"]


async def test_a_token_needs_the_scope(hooks: _Fixture) -> None:
    """For all of it."""
    hooks.api.token = hooks.tokens["none"]
    for operation in OPERATIONS:
        path = operation.path.replace("{id}", "wh_" + "0" * 16).replace("{number}", "1")
        assert (await hooks.api.ask(operation.method, path)).kind == "scope-missing"


async def test_a_test_event_tells_what_came_of_it(hooks: _Fixture) -> None:
    """It succeeds as a request whatever the receiver answers."""
    made = await hooks.add()
    hooks.bench.sends.answer = lambda _sent: Tried(Result.TIMEOUT, "no answer within 10 s")
    got = await hooks.api.ask("POST", f"/v1/webhooks/{made['id']}/test")
    _fits(got, "WebhookTry")
    assert (got.json["result"], got.json["status"]) == ("timeout", None)
    assert hooks.bench.sends.sent[0].told["type"] == "dfks.test.v1"


async def test_dead_letters_are_listed_page_by_page_and_sent_again(hooks: _Fixture) -> None:
    """One that arrives is one no more."""
    made = await hooks.add()
    path = f"/v1/webhooks/{made['id']}/dead"
    letters = [
        DeadLetter(
            n, made["id"], f"abc-{n}", "x.v1", ALICE if n > 1 else None, 7.5, 28, "500", b"{}"
        )
        for n in (1, 2, 3)
    ]
    hooks.bench.store.write(Writes(dead=letters), lambda _error: None)
    got = await hooks.api.ask("GET", f"{path}?limit=2")
    assert [one["id"] for one in got.json["items"]] == ["3", "2"]
    for one in got.json["items"]:
        schema = {**COMPONENTS["DeadLetter"], "components": {"schemas": COMPONENTS}}
        jsonschema.Draft202012Validator(schema).validate(one)
    got = await hooks.api.ask("GET", f"{path}?limit=2&after={got.json['next']}")
    assert [one["id"] for one in got.json["items"]] == ["1"]
    assert "next" not in got.json
    hooks.bench.sends.answer = lambda _sent: REFUSED
    assert (await hooks.api.ask("POST", f"{path}/2/retry")).json["result"] == "refused"
    hooks.bench.sends.answer = lambda _sent: Tried(Result.DELIVERED, "200", 200)
    assert (await hooks.api.ask("POST", f"{path}/2/retry")).json["status"] == 200
    await asyncio.sleep(0)
    assert (await hooks.api.ask("POST", f"{path}/2/retry")).kind == "not-found"
    got = await hooks.api.ask("GET", path)
    assert [one["id"] for one in got.json["items"]] == ["3", "1"]


@pytest.mark.parametrize("id_", ["1", "wh_x", "wh_" + "0" * 17, "wh_%00"])
async def test_what_is_no_id_is_told(hooks: _Fixture, id_: str) -> None:
    """Instead of not being found."""
    assert (await hooks.api.ask("GET", f"/v1/webhooks/{id_}")).kind == "bad-parameter"
