"""Servers in whose console there is something to see: for pictures."""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

from dfks_rules.store.postgres.schema import migrate
from tests.helpers.clustered import serve_nodes
from tests.helpers.consoles import listening
from tests.helpers.ports import free_port
from tests.helpers.postgres import cluster, fresh_database
from tests.helpers.server import DFKS, ROOT, Server, serve, write_policy
from tests.helpers.web import ALL, api_url, token_file

ALICE = "sip:alice@example.com"
_WITHIN = 60.0
"""Seconds until all that is to be seen is there."""
_RULES = """
- id: no-premium
  description: Nobody forwards to premium numbers.
  when: {op: set, request.status: 1, target.number: {prefix: "+49900"}}
  then: {deny: {reason: premium-number, text: Not to premium numbers}}
- id: lobby-phone
  description: The phone in the lobby forwards nowhere.
  when: {op: set, feature: CallForwardingAlways, user: lobby}
  then: {deny: {reason: lobby-phone}}
"""
_HOURS = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: hours}
schedules:
  night:
    weekly: [Mon-Fri 18:00-08:00, Sat-Sun 00:00-24:00]
    except: [12-24..12-26]
rules:
  - id: no-busy-at-night
    when: {op: set, feature: CallForwardingBusy, user: dave, time: {during: night}}
    then: {deny: night}
"""
_PRESSED = (
    (ALICE, "CallForwardingAlways", {"status": "on", "forwardTo": "+49900123456"}),
    ("sip:lobby@example.com", "CallForwardingAlways", {"status": "on", "forwardTo": "200"}),
    ("sip:bob@example.com", "DoNotDisturb", {"status": "on"}),
    ("sip:carol@example.com", "CallForwardingBusy", {"status": "on", "forwardTo": "201"}),
    (
        ALICE,
        "CallForwardingNoAnswer",
        {"status": "on", "forwardTo": "sip:voicemail@example.com", "ringCount": 4},
    ),
    ("sip:dave@example.com", "CallForwardingAlways", {"status": "on", "forwardTo": "+49900555"}),
    ("sip:bob@example.com", "DoNotDisturb", {"status": "off"}),
)
_IMPORT = """\
presentity,feature,status,forwardTo
erin@example.com,DoNotDisturb,on,
frank@example.com,CallForwardingAlways,on,+49900777
"""


class Site(NamedTuple):
    """A server that runs."""

    url: str
    """Without a path."""
    tokens: Mapping[str, str]
    """Name → token; none where none is needed."""

    def press(self) -> None:
        """Press the usual keys as an operator."""
        for who, feature, state in _PRESSED:
            _ask(f"{self.url}/v1/presentities/{who}/features/{feature}", state, "PUT")


@contextmanager
def people(folder: Path) -> Iterator[Site]:
    """One with people and phones, and programs that listen."""
    hours = folder / "hours.yaml"
    hours.write_text(_HOURS)
    config = write_policy(folder, _RULES)
    config["policies"] += [str(ROOT / "policies/default"), str(hours)]
    config |= {"store": f"sqlite:{folder / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}
    config["webhooks"] = {"allow_networks": ["127.0.0.0/8"]}
    with serve(folder, config) as server, ExitStack() as phones:
        site = Site(api_url(server), {})
        for _ in range(2):
            phones.enter_context(_phone(server))
        _wait(lambda: len(_contacts(site)) == 2, "the phones have not subscribed")
        with listening(site.url, "dfks-bridge-fusionpbx/1.0", "?domain=acme.example"):
            pass
        hook = {"url": f"http://127.0.0.1:{free_port()}/dfks", "types": ["feature-changed"]}
        _ask(f"{site.url}/v1/webhooks", hook)
        _ask(f"{site.url}/v1/imports?dryRun=true", _IMPORT)
        site.press()
        query = "?types=feature-changed&domain=example.com"
        phones.enter_context(listening(site.url, "dfks-bridge-asterisk/1.0", query))
        yield site


@contextmanager
def nodes(folder: Path) -> Iterator[Site]:
    """Three that share a PostgreSQL, of which one is drained and one has ended."""
    names = ("anna", "bert", "cleo")
    with (
        cluster() as postgres,
        fresh_database(postgres) as database,
    ):
        asyncio.run(migrate(database.url))
        with serve_nodes(folder, database, *names) as [anna, _, cleo]:
            site = Site(api_url(anna), {})
            _roll_out(site)
            _ask(f"{site.url}/v1/cluster/drain", {"node": "bert"})
            cleo.kill()

            def states() -> dict[str, str]:
                found = _ask(f"{site.url}/v1/cluster")["items"]
                return {one["name"]: one["state"] for one in found}

            wanted = {"anna": "serving", "bert": "draining", "cleo": "dead"}
            _wait(lambda: states() == wanted, "the nodes are not what they should be")
            yield site


@contextmanager
def locked(folder: Path) -> Iterator[Site]:
    """One that asks for a token; that of the help desk may do little."""
    tokens = token_file(folder, noc=(ALL, ()), desk=(("features:read",), ("example.com",)))
    http = {"listen": "127.0.0.1:0", "tokens": str(folder / "tokens.json")}
    config = {"store": f"sqlite:{folder / 'dfks.db'}", "http": http}
    with serve(folder, config) as server:
        yield Site(api_url(server), tokens)


def _roll_out(site: Site) -> None:
    """Have all nodes follow policies that are not their files'."""
    text = (ROOT / "policies/default/policy.yaml").read_text()
    line = json.dumps({"name": "policy.yaml", "text": text})
    _ask(f"{site.url}/v1/policies/rollouts", line + "\n")


@contextmanager
def _phone(server: Server) -> Iterator[None]:
    """A phone of Alice's, which has switched Do not disturb on, and stays."""
    address = f"127.0.0.1:{server.ports['udp']}"
    command = [DFKS, "phone", ALICE, "--server", address, "--set", "DoNotDisturb=on", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as phone:
        try:
            yield
        finally:
            phone.terminate()


def _contacts(site: Site) -> set[str]:
    return {one["contact"] for one in _ask(f"{site.url}/v1/subscriptions")["items"]}


def _wait(is_there: Any, otherwise: str) -> None:
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        if is_there():
            return
        time.sleep(0.2)
    raise SystemExit(otherwise)


def _ask(url: str, body: Any = None, method: str | None = None) -> Any:
    """Ask, and give the answer; a policy may refuse it."""
    kind = "application/json"
    if isinstance(body, str):
        kind = "application/x-ndjson" if body.startswith("{") else "text/csv"
    data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - ours
            return json.load(answer)
    except HTTPError as error:
        if error.code != 403:
            raise
        return None
