"""An unmodified opensips-cli drives our server over all three of its transports.

Requirement → test:

- each transport serves the same calls → every test here runs on FIFO, datagram and HTTP;
- a name is used only if `which` lists it → old aliases and canonical names both work;
- arguments from the fifth on are values → the set of CallForwardingNoAnswer;
- a secret of HTTP can be sent → `url` with `?secret=`: the client takes no user info and no header;
- errors are printed with code, message and data → the table in docs/reference/mi.md.

Reference: opensips-cli 0.4.1, python-opensips 0.1.11
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dfks_rules.mi.datagram import DatagramServer
from dfks_rules.mi.fifo import FifoServer
from dfks_rules.mi.http import HttpServer
from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from tests.helpers.mi import dispatcher
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations, subscription
from tests.helpers.states import forwarding

_CLI = Path(sys.executable).parent / "opensips-cli"
_ALICE = "sip:alice@10.0.0.11"


class Ran(NamedTuple):
    """What a run of opensips-cli gave."""

    code: int
    output: str
    errors: str

    @property
    def result(self) -> Any:
        """What it printed, which is JSON."""
        assert self.code == 0, self.errors
        return json.loads(self.output)


Run = Callable[..., Awaitable[Ran]]


class Site(NamedTuple):
    """A server, and opensips-cli set up for it."""

    run: Run
    operations: MemoryOperations


@pytest.fixture(params=["fifo", "datagram", "http"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """On one transport at a time."""
    operations = MemoryOperations()
    server: FifoServer | DatagramServer | HttpServer
    if request.param == "fifo":
        server = FifoServer(tmp_path / "fifo", tmp_path, dispatcher(operations))
        await server.start()
        options = [f"fifo_file={tmp_path}/fifo", f"fifo_reply_dir={tmp_path}"]
    elif request.param == "datagram":
        server = DatagramServer(("127.0.0.1", 0), dispatcher(operations))
        await server.start()
        port = server.address.rpartition(":")[2]
        options = ["datagram_ip=127.0.0.1", f"datagram_port={port}"]
    else:
        server = HttpServer(("127.0.0.1", 0), "/mi", None, dispatcher(operations))
        await server.start()
        options = [f"url={server.address}"]

    async def run(*arguments: str) -> Ran:
        pairs = [f"communication_type={request.param}", f"history_file={tmp_path}/h", *options]
        process = await asyncio.create_subprocess_exec(
            _CLI,
            *(part for pair in pairs for part in ("-o", pair)),
            "-x",
            "mi",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(tmp_path)},
        )
        output, errors = await process.communicate()
        return Ran(process.returncode or 0, output.decode(), errors.decode())

    yield Site(run, operations)
    await server.close()


async def test_set_and_get_over_each_transport(site: Site) -> None:
    """The command of the presence_dfks README, by the alias that OpenSIPS no longer lists."""
    set_ = ("dfks_set_feature", _ALICE, "CallForwardingNoAnswer", "1", "1")
    ran = await site.run(*set_, "ringCount/4", "forwardTo/sip:bob@10.0.0.11")
    assert ran.result == "OK"
    state = site.operations.states[Aor("alice", "10.0.0.11")].state(
        Feature.CALL_FORWARDING_NO_ANSWER
    )
    assert state == forwarding(True, "sip:bob@10.0.0.11", 4)
    assert site.operations.params == ["1"]
    told = (await site.run("dfks:get_features", _ALICE)).result
    assert told["features"][3]["stored"]["ringCount"] == 4


async def test_named_parameters_over_each_transport(site: Site) -> None:
    """The client splits `values` into an array."""
    ran = await site.run(
        "presence_dfks:set_feature",
        f"presentity={_ALICE}",
        "feature=CallForwardingBusy",
        "status=1",
        "values=forwardTo/sip:bob@10.0.0.11",
    )
    assert ran.result == "OK"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((_ALICE, "CallWaiting", "1"), "400: Unknown feature"),
        ((_ALICE,), "-32602: Invalid params (Too few or too many parameters)"),
        ((_ALICE, "DoNotDisturb", "1", "x"), "(Ambiguous call, use named parameters instead)"),
        ((_ALICE, "DoNotDisturb", "2"), "(status: `2` is neither 0 nor 1)"),
        ((_ALICE, "DoNotDisturb", "1", "", *["forwardTo/x"] * 12), "the feature takes no values"),
        ((_ALICE, "CallForwardingAlways", "1", "", f"forwardTo/{REFUSED_TARGET}"), "toll-fraud"),
    ],
)
async def test_errors_are_shown_over_each_transport(
    site: Site, arguments: tuple[str, ...], shown: str
) -> None:
    """The client prints code, message and data, and fails."""
    ran = await site.run("dfks_set_feature", *arguments)
    assert ran.code != 0
    assert shown in ran.output + ran.errors
    assert not site.operations.states


async def test_list_of_many_subscriptions_over_each_transport(site: Site) -> None:
    """Longer than a datagram, so it comes in pages."""
    site.operations.rows = [subscription(number) for number in range(1000)]
    listing = (await site.run("subs_phtable_list")).result
    assert len(listing["subscriptions"]) + listing["more"] == 1000
    rest = (await site.run("subs_phtable_list", "*", str(listing["next_offset"]))).result
    assert rest["subscriptions"][0]["call_id"] != listing["subscriptions"][0]["call_id"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("which",),
        ("which", "presence_dfks:set_feature"),
        ("help", "dfks_set_feature"),
        ("uptime",),
        ("version",),
        ("ps",),
        ("log_level",),
        ("log_level", "4"),
        ("get_statistics", "sip:", "notifies"),
        ("list_statistics",),
        ("policy:list",),
        ("presence:cleanup",),
        ("refreshWatchers", _ALICE, "as-feature-event", "0"),
    ],
)
async def test_commands_that_operators_expect_work_over_each_transport(
    site: Site, arguments: tuple[str, ...]
) -> None:
    """None needs a change of habit."""
    assert (await site.run(*arguments)).result


@pytest.mark.parametrize(
    ("url", "works"),
    [
        ("http://127.0.0.1:{port}/mi?secret=correct-horse", True),
        ("http://127.0.0.1:{port}/mi/?secret=correct-horse", True),
        ("http://127.0.0.1:{port}/mi", False),
        ("http://op:correct-horse@127.0.0.1:{port}/mi", False),
    ],
)
async def test_the_secret_of_http_stands_in_the_url(tmp_path: Path, url: str, works: bool) -> None:
    """urllib, by which it sends, takes `op:correct-horse@127.0.0.1` for the name of a host."""
    server = HttpServer(("127.0.0.1", 0), "/mi", "correct-horse", dispatcher())
    await server.start()
    port = server.address.rpartition(":")[2].partition("/")[0]
    options = (
        "communication_type=http",
        f"url={url.format(port=port)}",
        f"history_file={tmp_path}/h",
    )
    process = await asyncio.create_subprocess_exec(
        _CLI,
        *(part for pair in options for part in ("-o", pair)),
        *("-x", "mi", "presence:cleanup"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(tmp_path)},
    )
    output, _ = await process.communicate()
    assert (output.strip() == b'"OK"') is works
    await server.close()
