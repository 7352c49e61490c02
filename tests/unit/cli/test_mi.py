"""`dfks mi`, against a server on each transport."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.cli.mi import gather
from dfks_rules.errors import ConfigError, DfksError
from dfks_rules.mi.datagram import DatagramServer
from dfks_rules.mi.errors import CallError
from dfks_rules.mi.fifo import FifoServer
from dfks_rules.mi.http import HttpServer
from tests.helpers.mi import dispatcher
from tests.helpers.operations import REFUSED_TARGET

_ALICE = "sip:alice@example.com"


@pytest.mark.parametrize(
    ("method", "arguments", "params"),
    [
        ("ps", (), {}),
        ("which", ("ps",), ["ps"]),
        ("which", ("command=ps",), {"command": "ps"}),
        ("dfks_set_feature", ("a", "b", "1"), ["a", "b", "1"]),
        ("dfks_set_feature", ("a", "b", "1", "p"), ["a", "b", "1", "p"]),
        ("dfks_set_feature", ("a", "b", "1", "", "v/1", "w"), ["a", "b", "1", "", ["v/1", "w"]]),
        ("dfks:set_feature", ("a", "b", "1", "p", "v/1"), ["a", "b", "1", "p", ["v/1"]]),
        ("set_feature", ("status=1", "values=v 'w 3'"), {"status": "1", "values": ["v", "w 3"]}),
        ("get_statistics", ("a", "b"), [["a", "b"]]),
        ("get_statistics", ("sip:",), [["sip:"]]),
        ("unknown", ("a", "b=c"), ["a", "b=c"]),
        ("which", ("command=a=b",), {"command": "a=b"}),
    ],
)  # fmt: skip
def test_arguments_mean_what_they_mean_to_opensips_cli(
    method: str, arguments: tuple[str, ...], params: Any
) -> None:
    """Operators keep their habits and scripts."""
    assert gather(method, arguments) == params


def _settings(folder: Path, mi: str) -> list[str]:
    path = folder / "dfks.yaml"
    path.write_text(f"mi: {{{mi}}}\n")
    return ["mi", "--config", str(path)]


async def _run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, dfks, arguments)


async def test_server_is_found_through_its_settings(tmp_path: Path) -> None:
    """No option is needed beside the server's own file; here over each transport."""
    fifo = FifoServer(tmp_path / "fifo", tmp_path / "replies", dispatcher())
    unix = DatagramServer(tmp_path / "sock", dispatcher())
    udp = DatagramServer(("127.0.0.1", 0), dispatcher())
    http = HttpServer(("127.0.0.1", 0), "/mi", "correct-horse", dispatcher())
    servers = (fifo, unix, udp, http)
    for server in servers:
        await server.start()
    listen = http.address.removeprefix("http://").removesuffix("/mi")
    for mi in (
        "fifo: {path: fifo, reply_dir: replies}",
        "datagram: 'unix:sock'",
        f"datagram: '{udp.address}'",
        f"http: {{listen: '{listen}', secret: correct-horse}}",
    ):
        result = await _run(*_settings(tmp_path, mi), "presence:cleanup")
        assert (result.exit_code, result.output) == (0, "OK\n"), result.exception
    for server in servers:
        await server.close()


async def test_results_are_printed_as_text_or_as_json(tmp_path: Path) -> None:
    """A table for people; what scripts ask for does not change with it."""
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    head = ("mi", "--url", server.address)
    assert (await _run(*head, "dfks_set_feature", _ALICE, "DoNotDisturb", "1")).output == "OK\n"
    assert (await _run(*head, "ps")).output.startswith("Processes:\n  ID  PID")
    output = (await _run(*head, "ps", "--json")).output
    assert json.loads(output)["Processes"]
    assert output.startswith('{\n    "Processes"')
    done = await _run(*head, "--json", "dfks_set_feature", _ALICE, "DoNotDisturb", "1")
    assert done.output == '"OK"\n'
    await server.close()


async def test_refusals_and_errors_reach_the_exit_code(tmp_path: Path) -> None:
    """`main` makes 4 of a refusal and 1 of the rest."""
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    head = ("mi", "--url", server.address, "dfks_set_feature", _ALICE, "CallForwardingAlways")
    refused = (await _run(*head, "1", "", f"forwardTo/{REFUSED_TARGET}")).exception
    assert isinstance(refused, CallError)
    assert refused.code == 403
    failed = (await _run(*head, "-1")).exception
    assert isinstance(failed, CallError)
    assert failed.data == "status: `-1` is neither 0 nor 1"
    await server.close()


async def test_settings_without_a_door_are_told(tmp_path: Path) -> None:
    """There is nowhere to call."""
    result = await _run(*_settings(tmp_path, "http: {listen: '127.0.0.1:0'}"), "ps")
    assert isinstance(result.exception, DfksError)
    assert "use --url" in str(result.exception)
    result = await _run("mi", "--config", str(tmp_path / "none.yaml"), "ps")
    assert isinstance(result.exception, ConfigError)


async def test_open_quotation_is_a_usage_error() -> None:
    """It cannot be split into values."""
    assert (await _run("mi", "--url", "udp:127.0.0.1:9", "set_feature", "values='a")).exit_code == 2


async def test_only_the_journal_can_be_followed(tmp_path: Path) -> None:
    """Other lists have no number from which they go on."""
    http = HttpServer(("127.0.0.1", 0), "/mi", None, dispatcher())
    await http.start()
    result = await _run("mi", "--url", http.address, "--follow", "ps")
    await http.close()
    assert result.exit_code == 2
    assert "`--follow` is for `journal:list`" in result.output
