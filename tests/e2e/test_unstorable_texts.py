"""NUL and lone surrogates, which PostgreSQL cannot hold, come to a node by each of its doors."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from dfks_rules.web.api import TABLE
from dfks_rules.web.schemas import COMPONENTS
from dfks_rules.web.table import JSON, Operation, Where
from tests.helpers.clustered import serve_node
from tests.helpers.every_operation import Asking, asking
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.ua import Ua, dnd, forward
from tests.helpers.web import api_url

pytestmark = [pytest.mark.e2e, needs_postgres, pytest.mark.timeout(180)]

_HERE = "HOSTILE"
"""Is replaced by such a text in what is sent."""
_ROWS = f"""presentity,feature,status,forwardTo
a{_HERE}@example.com,DoNotDisturb,on,
a@example.com,{_HERE},on,
a@example.com,CallForwardingAlways,{_HERE},
a@example.com,CallForwardingAlways,on,+49{_HERE}
"""
_NDJSON = "application/x-ndjson"
_TEXTS = (b"\0", b"\xed\xa0\x80", b"%00", b"&#0;", b"&#xD800;", b"\\u0000")
_ENDLESS = ("streamEvents", "traceUser")
"""Operations whose answers have no end."""


class _Hostile(Ua):
    """A phone that writes what no other would."""

    text = b""

    def send(self, data: bytes) -> None:
        head, _, body = data.replace(_HERE.encode(), self.text).partition(b"\r\n\r\n")
        head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
        super().send(head + b"\r\n\r\n" + body)


def test_no_text_of_a_phone_disturbs_the_engine(tmp_path: Path, database: Database) -> None:
    """Whatever header or element it is in: after an error the engine's connection is cut."""
    with serve_node(tmp_path, database, "node-1") as node:
        port = node.ports["udp"]
        with _Hostile(port) as phone:
            phone.subscribe(forward(True, "+4930"))
            before = _connections(database)
            for phone.text in _TEXTS:
                _say_it_everywhere(phone)
            for phone.text in _TEXTS:
                with _Hostile(port) as other:
                    other.text = phone.text
                    other.target = f"sip:a{_HERE}b@example.com"
                    _say_it_everywhere(other)
            phone.text = b""
            phone._inbox.clear()
        # What came before is served by now, and stored if it could be.
        with Ua(port) as phone:
            phone.subscribe(dnd(True))
            phone.subscribe(dnd(False))
        assert _connections(database) == before
        assert node.stop() == 0
    assert not re.search("store_write_failed|PostgreSQL:", _log(tmp_path))


def _say_it_everywhere(phone: Ua) -> None:
    address = f"<sip:a{_HERE}b@example.com>"
    for headers in (
        {"From": f'"{_HERE}" {address};tag=1'},
        {"To": f'"{_HERE}" {address}'},
        {"Call_ID": f"a{_HERE}b"},
        {"Contact": f'"{_HERE}" <sip:a{_HERE}b@127.0.0.1>'},
        {"User_Agent": f"Phone {_HERE}"},
        {"Event": f"as-feature-event;id={_HERE}"},
        {"Route": f"<sip:127.0.0.1;lr;x={_HERE}>"},
        {"P_Asserted_Identity": address},
        {"X_Other": _HERE},
        {"Via": f"SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{_HERE}"},
    ):
        phone.request(body=dnd(True), **headers)
    for target in (f"+49{_HERE}", f"sip:b{_HERE}@example.com", f"<![CDATA[{_HERE}]]>"):
        phone.request(body=forward(True, target))
    phone.request(body=dnd(True).replace(b"<device/>", f"<device>{_HERE}</device>".encode()))
    phone.request("PUBLISH", body=dnd(True).replace(b"<device/>", _HERE.encode()))


def test_no_text_of_an_operator_disturbs_the_engine(tmp_path: Path, database: Database) -> None:
    """Whatever parameter or member it is in: that is his mistake, not the server's (5xx)."""
    with serve_node(tmp_path, database, "node-1") as node:
        url = api_url(node)
        for warm in ("/v1/presentities", "/v1/history", "/v1/cluster", "/v1/policies/rollouts"):
            assert _status(url, Asking("warm", "GET", warm, None)) == 200
        before = _connections(database)
        found: dict[str, int] = {}
        for operation in TABLE:
            if operation.name not in _ENDLESS:
                for asked in _hostile(operation):
                    found[f"{asked.method} {asked.path} {asked.body}"] = _status(url, asked)
        assert {what: status for what, status in found.items() if status >= 500} == {}
        assert len(found) > 50
        for text in ("\0", "\ud800"):
            for params in (
                {"presentity": f"sip:a{text}@example.com", "feature": "DoNotDisturb", "status": 1},
                {
                    "presentity": "sip:a@example.com",
                    "feature": "CallForwardingAlways",
                    "status": 1,
                    "values": [f"forwardTo={text}"],
                },
            ):
                assert "error" in node.mi("dfks_set_feature", **params)
        assert _status(url, Asking("after", "GET", "/v1/presentities", None)) == 200
        assert _connections(database) == before
        assert node.stop() == 0
    assert not re.search("store_write_failed|PostgreSQL:", _log(tmp_path))


def test_no_text_of_a_file_disturbs_the_engine(tmp_path: Path, database: Database) -> None:
    """Rows are unusable, policies are refused, and both is told."""
    with serve_node(tmp_path, database, "node-1") as node:
        url = api_url(node)
        for path in ("/v1/imports", "/v1/policies/rollouts", "/v1/presentities"):
            _asked(url, path)
        before = _connections(database)
        for kind, path, body in (
            ("text/csv", "/v1/imports", _ROWS.replace(_HERE, "\0")),
            (_NDJSON, "/v1/imports", json.dumps({"presentity": "a\0", "feature": "\0"})),
            (_NDJSON, "/v1/policies/rollouts", json.dumps({"name": "p.yaml", "text": "a: \0"})),
            (_NDJSON, "/v1/policies/rollouts", json.dumps({"name": "p\0.yaml", "text": ""})),
        ):
            assert _status(url, Asking("", "POST", path, body), kind) < 500
        while any(one["endedAt"] is None for one in _asked(url, "/v1/imports")["items"]):
            time.sleep(0.1)
        for one in _asked(url, "/v1/imports")["items"]:
            assert one["unusable"] == one["rows"] > 0
            assert len(_asked(url, f"/v1/imports/{one['id']}/refusals")["items"]) == one["rows"]
        while _asked(url, "/v1/policies/rollouts")["rollouts"][0]["state"] == "preparing":
            time.sleep(0.1)
        assert _connections(database) == before
        assert node.stop() == 0
    assert not re.search("store_write_failed|PostgreSQL:", _log(tmp_path))


def _hostile(operation: Operation) -> Iterator[Asking]:
    """The operation with NUL in each of its parameters and texts, one at a time."""
    known = {"aor": "sip:alice@example.com"}
    for parameter in operation.parameters:
        if parameter.where is Where.PATH:
            yield asking(operation, {**known, parameter.name: "a\0b@example.com"}, {})
        elif parameter.where is Where.QUERY:
            usual = asking(operation, known, {})
            yield usual._replace(path=f"{usual.path}?{quote(parameter.name)}=a%00b")
    if operation.body is not None and JSON in operation.body.types:
        usual = asking(operation, known, {})
        schema: Any = operation.body.schema
        for body in _spoilt(usual.body, schema):
            yield usual._replace(body=body)


def _spoilt(value: Any, schema: Any) -> Iterator[Any]:
    """The value with NUL in one of its texts; those of an object may be missing in it."""
    match value:
        case str():
            yield f"a\0{value}"
        case list():
            for place, one in enumerate(value):
                for spoilt in _spoilt(one, {}):
                    yield [*value[:place], spoilt, *value[place + 1 :]]
        case dict():
            for name, one in value.items():
                for spoilt in _spoilt(one, {}):
                    yield value | {name: spoilt}
            if "$ref" in schema:
                schema = COMPONENTS[schema["$ref"].rpartition("/")[2]]
            for name in schema.get("properties", {}).keys() - value.keys():
                yield value | {name: "a\0b"}
                yield value | {name: ["a\0b"]}
        case _:
            return


def _asked(url: str, path: str) -> Any:
    with urlopen(f"{url}{path}", timeout=30) as response:  # noqa: S310
        return json.load(response)


def _status(url: str, asked: Asking, kind: str = JSON) -> int:
    body = None
    if asked.body is not None:
        body = (json.dumps(asked.body) if kind == JSON else asked.body).encode()
    request = Request(  # noqa: S310 - the address is our own server's
        f"{url}{asked.path}", body, {"Content-Type": kind}, method=asked.method
    )
    try:
        with urlopen(request, timeout=30) as response:  # noqa: S310
            return int(response.status)
    except HTTPError as error:
        error.read()
        return error.code


def _connections(database: Database) -> dict[str, int]:
    """The node's connections to the engine: name → process that serves it."""
    rows = database.run(
        "SELECT application_name, pid FROM pg_stat_activity WHERE application_name LIKE 'dfks n%'"
        " AND datname = current_database()"
    )
    return dict(rows)


def _log(folder: Path) -> str:
    return (folder / "node-1/server.log").read_text("utf-8")
