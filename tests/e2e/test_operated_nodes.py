"""What operators see of several nodes on one PostgreSQL, each a process of its own."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.web.client import ApiClient, ApiError, Event
from tests.helpers.clustered import serve_node, serve_nodes
from tests.helpers.ports import listen
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.receiver import OK, Got, Receiver, answering, receiving
from tests.helpers.server import Server, serve, write_policy
from tests.helpers.ua import Ua, dnd
from tests.helpers.web import api_url

pytestmark = [pytest.mark.e2e, needs_postgres]
_DND = "/v1/presentities/sip:{}@example.com/features/DoNotDisturb"


async def _press(url: str, times: int, user: str = "alice") -> None:
    async with ApiClient(url) as client:
        for number in range(times):
            body = {"status": "off" if number % 2 else "on"}
            await client.ask("PUT", _DND.format(user), body=body)


async def _events(url: str, count: int, last: str | None) -> list[Event]:
    """So many, from the one with this id on."""
    found: list[Event] = []
    async with ApiClient(url) as client, asyncio.timeout(60):
        async for event in client.events("/v1/events", last=last):
            found.append(event)
            if len(found) == count:
                return found
    raise AssertionError("the stream has ended")


def test_a_listener_goes_on_at_another_node(tmp_path: Path, database: Database) -> None:
    """Each change is told once, in one order, with the same number, wherever it was made."""

    async def run(urls: list[str]) -> tuple[list[Event], list[Event]]:
        pressing = [asyncio.create_task(_press(url, 30, f"u{n}")) for n, url in enumerate(urls)]
        pressing += [asyncio.create_task(_press(url, 10)) for url in urls]
        seen: list[Event] = []
        # He comes back as soon as he knows something, so often before the node that he comes to.
        while len(seen) < 60:
            last = seen[-1].id if seen else "0"
            seen += await _events(urls[len(seen) // 3 % 2], 3, last)
        await asyncio.gather(*pressing)
        count = await _changes(urls[0])
        if len(seen) < count:
            seen += await _events(urls[0], count - len(seen), seen[-1].id)
        return seen, await _events(urls[1], count, "0")

    with serve_nodes(tmp_path, database, "node-1", "node-2") as nodes:
        moved, stayed = asyncio.run(run([api_url(node) for node in nodes]))
    # What is stored may be newer each time that it is told.
    assert [(one.id, one.type, one.data["changed"]) for one in moved] == [
        (one.id, one.type, one.data["changed"]) for one in stayed
    ]
    numbers = [int(one.id or 0) for one in stayed]
    assert numbers == sorted(set(numbers))
    for user in ("u0", "u1"):
        revisions = [one.data["revision"] for one in stayed if user in one.data["presentity"]]
        assert revisions == list(range(1, 31))


async def _changes(url: str) -> int:
    async with ApiClient(url) as client:
        return len((await client.ask("GET", "/v1/history", query={"limit": 500}))["items"])


def test_a_change_is_told_at_once_elsewhere(tmp_path: Path, database: Database) -> None:
    """With the states that it has led to, though the node has never heard of the user."""

    async def run(here: str, there: str) -> Event:
        listening = asyncio.create_task(_events(there, 1, None))
        async with ApiClient(there) as client:
            while not (await client.ask("GET", "/v1/statistics"))["events:listeners"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await _press(here, 1)
        [event] = await listening
        return event

    with serve_nodes(tmp_path, database, "node-1", "node-2") as nodes:
        event = asyncio.run(run(*[api_url(node) for node in nodes]))
    assert event.data["features"]["DoNotDisturb"] == {"status": "on"}
    assert event.data["revision"] == 1


def test_the_journal_is_the_same_wherever_it_is_read(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By MI, by the HTTP API, and by a command that needs no server."""

    async def history(url: str) -> Any:
        async with ApiClient(url) as client:
            return await client.ask("GET", "/v1/history")

    with serve_nodes(tmp_path, database, "node-1", "node-2") as nodes:
        asyncio.run(_press(api_url(nodes[0]), 2))
        asyncio.run(_press(api_url(nodes[1]), 1))
        by_mi = [node.mi("journal:list")["result"]["changes"] for node in nodes]
        listed = [asyncio.run(history(api_url(node)))["items"] for node in nodes]
    assert by_mi[0] == by_mi[1]
    assert listed[0] == listed[1]
    seqs = [one["seq"] for one in by_mi[0]]
    assert seqs == [one["seq"] for one in reversed(listed[0])]
    monkeypatch.chdir(tmp_path / "node-1")
    result = CliRunner().invoke(dfks, ["history", "--json", "sip:alice@example.com"])
    assert result.exit_code == 0, result.exception
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == seqs


async def _ask(url: str, method: str, path: str, body: Any = None) -> Any:
    async with ApiClient(url) as client:
        return await client.ask(method, path, body=body)


def test_a_node_is_drained_from_another_and_stopped(tmp_path: Path, database: Database) -> None:
    """Its phones stay, and new ones are turned away, by it and by balancers that ask."""
    with (
        serve_nodes(tmp_path, database, "node-1", "node-2") as nodes,
        Ua(nodes[1].ports["udp"], "sip:alice@example.com") as phone,
        Ua(nodes[1].ports["udp"], "sip:bob@example.com") as late,
    ):
        here, there = (api_url(node) for node in nodes)
        phone.subscribe()
        assert late.exchange("OPTIONS").status == 200
        assert asyncio.run(_ask(there, "GET", "/readyz"))["checks"]["cluster"] == "ok"
        _wait_until(lambda: _rows(here)["node-2"]["subscriptions"] == 1)
        drained = CliRunner().invoke(dfks, ["cluster", "--url", here, "drain", "node-2"])
        assert drained.stdout == "node-2 drains: 1 subscription goes on until it stops\n"
        _wait_until(lambda: late.exchange("OPTIONS").status == 503)
        with pytest.raises(ApiError) as unready:
            asyncio.run(_ask(there, "GET", "/readyz"))
        assert unready.value.status == 503
        assert unready.value.problem["checks"]["cluster"] == "draining"
        assert late.exchange().status == 503
        assert phone.subscribe().told["DoNotDisturb"] == "off"
        assert _states(here) == {"node-1": "serving", "node-2": "draining"}
        assert nodes[1].stop() == 0
        _wait_until(lambda: _states(here) == {"node-1": "serving"})
        _wait_until(
            lambda: asyncio.run(_ask(here, "GET", "/v1/statistics"))["presence:subscriptions"] == 1
        )


def _rows(url: str) -> dict[str, Any]:
    """The nodes that matter."""
    result = CliRunner().invoke(dfks, ["cluster", "--url", url, "--json"])
    assert result.exit_code == 0, result.exception
    return {one["name"]: one for one in map(json.loads, result.stdout.splitlines())}


def _states(url: str) -> dict[str, str]:
    return {name: one["state"] for name, one in _rows(url).items()}


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_server_by_itself_has_no_cluster(tmp_path: Path) -> None:
    """And says so."""
    with serve(tmp_path, {"http": {"listen": "127.0.0.1:0"}}) as server:
        with pytest.raises(ApiError) as raised:
            asyncio.run(_ask(api_url(server), "GET", "/v1/cluster"))
        assert (raised.value.status, raised.value.kind) == (501, "needs-shared-store")
        assert server.mi("cluster:nodes")["error"]["code"] == 501


def test_prometheus_is_told_of_the_nodes(tmp_path: Path, database: Database) -> None:
    """Each tells how it fares itself, what it sees of the others, and how soon sets are stored."""
    with serve_nodes(tmp_path, database, "node-1", "node-2") as nodes:
        asyncio.run(_press(api_url(nodes[0]), 3))
        _wait_until(lambda: _metrics(nodes[1])["dfks_cluster_feed_changes_total"] == 3)
        _wait_until(lambda: _metrics(nodes[1])['dfks_cluster_nodes{state="serving"}'] == 2)
        here, there = (_metrics(node) for node in nodes)
        assert here['dfks_store_commits_total{result="stored"}'] >= 3
        assert here["dfks_store_commit_duration_seconds_count"] >= 3
        nodes[0].kill()
        _wait_until(lambda: _metrics(nodes[1])["dfks_cluster_buried_total"] == 1)
    for told in (here, there):
        assert told['dfks_cluster_standing{standing="serving"}'] == 1
        assert 0 < told["dfks_cluster_lease_seconds"] < 2
        assert abs(told["dfks_cluster_clock_skew_seconds"]) < 1


def _metrics(node: Server) -> dict[str, float]:
    with urllib.request.urlopen(f"{api_url(node)}/metrics", timeout=10) as response:  # noqa: S310
        lines = response.read().decode().splitlines()
    said = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in said}


def test_phones_stay_when_a_server_becomes_nodes(tmp_path: Path, empty_database: Database) -> None:
    """Their subscriptions go on in the dialogs that they have; nobody has to subscribe anew."""
    file, sip = tmp_path / "dfks.db", {"sip": {"listen": listen()}}
    (tmp_path / "before").mkdir()
    with serve(tmp_path / "before", {"store": f"sqlite:{file}", **sip}) as server:
        phone = Ua(server.ports["udp"], "sip:alice@example.com")
        told = phone.subscribe(dnd(True))
        assert told.told["DoNotDisturb"] == "on"
        assert server.stop() == 0
    run = CliRunner().invoke
    assert run(dfks, ["store", "migrate", "--store", empty_database.url]).exit_code == 0
    copied = run(dfks, ["store", "copy", f"sqlite:{file}", empty_database.url])
    assert copied.stdout.splitlines()[-2].split() == ["subscriptions", "1", "1"]
    with phone, serve_node(tmp_path, empty_database, "node-1", sip) as node:
        url = api_url(node)
        _wait_until(lambda: _rows(url)["node-1"]["subscriptions"] == 1)
        body = {"status": "on", "forwardTo": "201"}
        path = "/v1/presentities/sip:alice@example.com/features/CallForwardingAlways"
        assert asyncio.run(_ask(url, "PUT", path, body))["revision"] == 2
        notify = phone.notify()
        assert notify.cseq > told.cseq
        if notify.told["CallForwardingAlways"] == "off":
            # Its key was pressed within a second of the stop: it is told that again.
            notify = phone.notify()
        assert notify.told["CallForwardingAlways"] == "on 201"
        assert phone.subscribe().told["DoNotDisturb"] == "on"
        history = asyncio.run(_ask(url, "GET", "/v1/history"))["items"]
        assert [one["seq"] for one in history] == [2, 1]


def test_an_answer_is_given_again_by_another_node(tmp_path: Path, database: Database) -> None:
    """The client that heard nothing asks again, and comes elsewhere; nothing happens twice."""

    async def put(url: str, status: str) -> Any:
        headers = {"Idempotency-Key": "k-1", "If-Match": '"0"'}
        async with ApiClient(url) as client:
            path = _DND.format("alice")
            return await client.ask("PUT", path, body={"status": status}, headers=headers)

    with serve_nodes(tmp_path, database, "node-1", "node-2") as nodes:
        first = asyncio.run(put(api_url(nodes[0]), "on"))
        nodes[0].kill()
        url = api_url(nodes[1])
        assert asyncio.run(put(url, "on")) == first
        with pytest.raises(ApiError) as reused:
            asyncio.run(put(url, "off"))
        assert reused.value.kind == "idempotency-key-reused"
        assert asyncio.run(_changes(url)) == 1


async def test_webhooks_go_on_at_another_node(tmp_path: Path, database: Database) -> None:
    """Of the changes of all nodes, in order, though the one that told has died."""
    hooks = {"webhooks": {"allow_networks": ["127.0.0.0/8"]}}

    async def pressed(node: Server, times: int) -> None:
        await _press(api_url(node), times)

    async with receiving() as receiver:
        with (
            serve_node(tmp_path, database, "node-1", hooks) as one,
            serve_node(tmp_path, database, "node-2", hooks) as other,
        ):
            url = api_url(one)
            async with asyncio.timeout(60):
                while (await _webhooks(url)) is None:  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.1)
                made = await _ask(url, "POST", "/v1/webhooks", {"url": receiver.url})
                with pytest.raises(ApiError) as elsewhere:
                    await _ask(api_url(other), "GET", "/v1/webhooks")
                assert (elsewhere.value.status, elsewhere.value.kind) == (421, "elsewhere")
                assert "tells webhooks" in str(elsewhere.value)
                await pressed(other, 2)
                await receiver.until(2)
                one.kill()
                await pressed(other, 2)
                while _revisions(receiver)[-1] < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                while (told := await _webhooks(api_url(other))) is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert [row["id"] for row in told["items"]] == [made["id"]]
    # What was delivered just before the death may come again, with the same id.
    assert [*dict.fromkeys(_revisions(receiver))] == [1, 2, 3, 4]
    assert len({got.told["id"] for got in receiver.got}) == 4


async def test_webhooks_are_told_of_what_is_in_no_journal_at_any_node(
    tmp_path: Path, database: Database
) -> None:
    """Refusals and subscriptions of a node that another one tells of; also after that has died."""
    refuses = """
        - id: nobody
          when: {op: set, user: mallory}
          then: {deny: never}
        """
    types = ["feature-refused", "subscription-started", "policies-refused"]
    async with receiving() as receiver:
        hooks = {"webhooks": {"allow_networks": ["127.0.0.0/8"]}}
        with (
            serve_node(tmp_path, database, "node-1", hooks) as one,
            serve_node(
                tmp_path, database, "node-2", hooks | write_policy(tmp_path, refuses)
            ) as other,
        ):
            url = api_url(one)
            async with asyncio.timeout(90):
                while (await _webhooks(url)) is None:  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.1)
                await _ask(url, "POST", "/v1/webhooks", {"url": receiver.url, "types": types})
                # The other node looks once a second what is wanted.
                for node, count in ((other, 1), (one, 2)):
                    while not receiver.got or len(receiver.got) < count:
                        with Ua(node.ports["udp"]) as phone:
                            await asyncio.to_thread(phone.subscribe)
                        await asyncio.sleep(1.0)
                with pytest.raises(ApiError) as refused:
                    await _press(api_url(other), 1, "mallory")
                assert refused.value.status == 403
                receiver.behave = answering("500 No")
                (tmp_path / "policy.yaml").write_text("{")
                while not any(_kind(got) == "policies.refused" for got in receiver.got):
                    other.hang_up()
                    await asyncio.sleep(0.5)
                one.kill()
                receiver.behave, before = OK, len(receiver.got)
                while not any(_kind(got) == "policies.refused" for got in receiver.got[before:]):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
    told = {got.told["id"]: _kind(got) for got in receiver.got}
    assert {*told.values()} == {"subscription.started", "feature.refused", "policies.refused"}
    [refusal] = {
        got.told["data"]["presentity"] for got in receiver.got if _kind(got) == "feature.refused"
    }
    assert refusal == "sip:mallory@example.com"


def _kind(got: Got) -> str:
    return str(got.told["type"].removeprefix("dfks.").removesuffix(".v1"))


def _revisions(receiver: Receiver) -> list[int]:
    return [got.told["data"]["revision"] for got in receiver.got]


async def _webhooks(url: str) -> Any:
    """What a node says of them; None: another one tells."""
    try:
        return await _ask(url, "GET", "/v1/webhooks")
    except ApiError as error:
        if error.kind != "elsewhere":
            raise
        return None
