"""A server with a console, and somebody who asks it by HTTP."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.helpers.server import ROOT, Server, serve
from tests.helpers.web import api_url

RULES = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: house-rules}
rules:
  - id: no-premium
    description: Nobody forwards to premium numbers.
    when: {op: set, request.status: 1, target.number: {prefix: "+49900"}}
    then: {deny: {reason: premium-number, text: Not to premium numbers}}
"""
CASES = """\
apiVersion: dfks/v1
kind: PolicyTest
policies: [house.yaml]
tests:
  - name: premium numbers are refused
    given: {op: set, presentity: "sip:alice@example.com", feature: CallForwardingAlways,
            request.status: 1, request.forwardTo: "+49900123"}
    expect: {decision: deny, reason: premium-number}
"""
_TRIES = 10
"""Phones come first: a busy server turns requests of `/v1` away."""


class Console:
    """A running server; created by `console_server`."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.url = api_url(server)
        """Of its HTTP, without a path."""
        self.rules = folder / "policies/house.yaml"
        """The file with the rules of the house."""

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """One request to `/v1`; its answer. As clients have to, it asks again after a 429."""
        head = {"Content-Type": "application/json"}
        if token:
            head["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server's
            f"{self.url}/v1/{path}", data, head, method=method
        )
        for _ in range(_TRIES):
            try:
                with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                    got = response.read()
                return json.loads(got) if got else None
            except HTTPError as error:
                if error.code != 429:
                    raise
                time.sleep(float(error.headers["Retry-After"]))
        raise TimeoutError(path)

    def set(self, who: str, feature: str = "DoNotDisturb", **state: Any) -> Any:
        """Press a key as an operator."""
        return self.ask("PUT", f"presentities/{who}/features/{feature}", {"status": "on"} | state)


@contextmanager
def listening(url: str, agent: str, query: str = "") -> Iterator[None]:
    """A program that listens to events until the block ends."""
    address = f"{url}/v1/events{query}"
    request = urllib.request.Request(address, headers={"User-Agent": agent})  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - ours
        response.readline()
        yield


@contextmanager
def console_server(folder: Path, **config: Any) -> Iterator[Console]:
    """Run one until the block ends: with the default policy, rules of a house, and a journal."""
    rules = folder / "policies"
    rules.mkdir(exist_ok=True)
    (rules / "house.yaml").write_text(RULES)
    (rules / "cases.yaml").write_text(CASES)
    settings: dict[str, Any] = {
        "policies": [str(ROOT / "policies/default"), str(rules)],
        "store": f"sqlite:{folder / 'dfks.db'}",
        "http": {"listen": "127.0.0.1:0"},
    }
    with serve(folder, settings | config) as server:
        yield Console(server, folder)
