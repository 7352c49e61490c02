"""`dfks policy rollout`: policies for all nodes of a cluster, once each of them can use them."""

import asyncio
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson

from dfks_rules.app.desk.policies import TENANTS, read_files
from dfks_rules.cli.api import api_options
from dfks_rules.cli.exit_codes import FAILED, INVALID
from dfks_rules.policy.words.wording import printable
from dfks_rules.web.client import ApiClient, ApiError

LOOK = 0.5
"""Seconds between two looks at how far it is."""
PATIENCE = 120.0
"""Seconds for which the node that was asked may be away, or one may take to follow."""
_PATH = "/v1/policies/rollouts"
_REPLACED = "another rollout has taken its place"
_AWAY = (0, 429, 502, 503)
"""Statuses of a server that starts again, or is busy; the rollout goes on meanwhile."""


class _Asked(NamedTuple):
    """The options."""

    folder: Path | None
    canary: str | None
    seen: str | None
    """What a rollback is to end; None: what there is when it looks."""

    @property
    def query(self) -> dict[str, str]:
        return {} if self.canary is None else {"node": self.canary}


@click.command(name="rollout")
@click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option("--canary", metavar="NODE", help="Only for this node.")
@click.option("--rollback", "is_back", is_flag=True, help="Go back to what was followed before.")
@click.option(
    "--from", "seen", metavar="REVISION", help="Roll back only if this is followed or on its way."
)
@click.option("--files", "is_drop", is_flag=True, help="Have each node follow its own files again.")
@api_options
def command(
    api: ApiClient,
    folder: Path | None,
    canary: str | None,
    seen: str | None,
    *,
    is_back: bool,
    is_drop: bool,
) -> None:
    """Have all nodes of a cluster follow the policies in DIR, once all of them can use them.

    Each node checks them and runs their cases; if one refuses, nothing changes anywhere. Any node
    can be asked. Exit code 3 if a node refuses; 1 if one does not follow. Without options and
    arguments, shows what is followed.
    """
    if (folder is not None) + is_back + is_drop > 1:
        raise click.UsageError("give one of DIR, --rollback and --files")
    if seen is not None and not is_back:
        raise click.UsageError("--from is for --rollback")
    asked = _Asked(folder, canary, seen)
    try:
        code = asyncio.run(_run(api, asked, is_back=is_back, is_drop=is_drop))
    except KeyboardInterrupt:
        click.echo("\nwhat has begun goes on; `dfks policy rollout` shows it", err=True)
        raise SystemExit(130) from None
    if code:
        raise SystemExit(code)


async def _run(api: ApiClient, asked: _Asked, *, is_back: bool, is_drop: bool) -> int:
    async with api:
        if asked.folder is not None:
            return await _roll_out(api, asked, asked.folder)
        if is_back:
            # Whoever rolls back at the same time has seen the same: only one of us does it.
            seen = asked.seen or _seen(await api.ask("GET", _PATH), asked.canary)
            query = asked.query if seen is None else {**asked.query, "from": seen}
            await api.ask("POST", f"{_PATH}/rollback", query=query)
            click.echo("rolled back")
            return await _see_followed(api, asked)
        if is_drop:
            await api.ask("DELETE", _PATH, query=asked.query)
            click.echo("goal dropped")
            return await _see_followed(api, asked)
        for line in _lines(await api.ask("GET", _PATH)):
            click.echo(printable(line))
        return 0


def _seen(listing: dict[str, Any], canary: str | None) -> str | None:
    """What a rollback would end now; None: nothing."""
    for one in listing["rollouts"]:
        if one["node"] == canary and one["state"] == "preparing":
            return str(one["revision"])
    for one in listing["goals"]:
        if one["node"] == canary:
            return str(one["revision"] or "files")
    return None


async def _roll_out(api: ApiClient, asked: _Asked, folder: Path) -> int:
    files = read_files([folder])
    every = [(_name_of(Path(one.file), folder), one.text) for one in chain.from_iterable(files)]
    try:
        rollout = await api.send(
            "POST", _PATH, _ndjson(every), "application/x-ndjson", asked.query or None
        )
    except ApiError as error:
        findings = error.problem.get("findings", ())
        for finding in findings:
            click.echo(printable(f"  {finding['file']}: {finding['message']}"), err=True)
        if not findings:
            raise
        click.echo(printable(f"dfks: {error.message}"), err=True)
        return INVALID
    count = f"{len(every)} {'file' if len(every) == 1 else 'files'}"
    click.echo(f"uploaded {count}: revision {rollout['revision']}")
    if rollout["state"] == "replaced":
        click.echo(_REPLACED, err=True)
        return FAILED
    told: dict[str, str] = {}
    while rollout["state"] == "preparing":
        _tell_verdicts(rollout, told)
        await asyncio.sleep(LOOK)
        listing = await _listing(api)
        found = [one for one in listing["rollouts"] if one["node"] == asked.canary]
        if not found or _key(found[0]) != _key(rollout):
            click.echo(_REPLACED, err=True)
            return FAILED
        rollout = found[0]
    _tell_verdicts(rollout, told)
    if rollout["state"] == "refused":
        click.echo("refused: every node goes on as before", err=True)
        return INVALID
    if rollout["state"] != "done":
        _tell_missing(rollout)
        return FAILED
    click.echo("goal moved")
    return await _see_followed(api, asked)


def _name_of(file: Path, folder: Path) -> str:
    """The name of a file below its folder."""
    if folder.parent.name == TENANTS and file.parent == folder and "." in folder.absolute().name:
        # The files of one tenant, as a server takes them that is given this folder.
        return f"{TENANTS}/{folder.name}/{file.name}"
    return file.relative_to(folder).as_posix()


async def _ndjson(files: list[tuple[str, str]]) -> AsyncIterator[bytes]:
    for name, text in files:
        yield orjson.dumps({"name": name, "text": text}, option=orjson.OPT_APPEND_NEWLINE)


def _key(rollout: dict[str, Any]) -> tuple[str, str]:
    return rollout["revision"], rollout["at"]


async def _listing(api: ApiClient) -> dict[str, Any]:
    """How far it is, also while the node that is asked starts again."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            listing: dict[str, Any] = await api.ask("GET", _PATH)
        except ApiError as error:
            if error.status not in _AWAY or loop.time() - began > PATIENCE:
                raise
            await asyncio.sleep(LOOK)
        else:
            return listing


def _tell_verdicts(rollout: dict[str, Any], told: dict[str, str]) -> None:
    """Say what is news of the nodes; `told` is what was said."""
    for one in rollout["nodes"]:
        if one["verdict"] in ("waiting", told.get(one["node"])):
            continue
        told[one["node"]] = one["verdict"]
        click.echo(printable(f"{one['node']}: {one['verdict']}"))
        for finding in one["findings"]:
            click.echo(printable(f"  {finding}"), err=True)


def _tell_missing(rollout: dict[str, Any]) -> None:
    missing = [one["node"] for one in rollout["nodes"] if one["verdict"] == "waiting"]
    by = f"; no answer from {', '.join(missing)}" if missing else ""
    click.echo(printable(f"{rollout['state']}: every node goes on as before{by}"), err=True)


async def _see_followed(api: ApiClient, asked: _Asked) -> int:
    """Wait until the nodes follow."""
    loop = asyncio.get_running_loop()
    ends, told = loop.time() + PATIENCE, set[str]()
    while True:
        nodes = (await _listing(api))["nodes"]
        late = [one for one in nodes if asked.canary in (None, one["node"]) and not one["follows"]]
        for one in nodes:
            if one["follows"] and one["node"] not in told and asked.canary in (None, one["node"]):
                told.add(one["node"])
                what = "its own files" if one["goal"] is None else one["goal"]
                click.echo(printable(f"{one['node']}: follows {what}"))
        if not late:
            return 0
        if all(one["findings"] for one in late) or loop.time() > ends:
            for one in late:
                click.echo(printable(f"{one['node']}: does not follow"), err=True)
                for finding in one["findings"]:
                    click.echo(printable(f"  {finding}"), err=True)
            return FAILED
        await asyncio.sleep(LOOK)


def _lines(listing: dict[str, Any]) -> list[str]:
    lines = [_goal_line(one) for one in listing["goals"]] or ["each node follows its own files"]
    lines += [_rollout_line(one) for one in listing["rollouts"] if one["state"] != "done"]
    for one in listing["nodes"]:
        lines.append(
            f"{one['node']}: {one['revision']}{'' if one['follows'] else ', not the goal'}"
        )
        lines += [f"  {finding}" for finding in one["findings"]]
    if listing["skewed"]:
        lines.append("nodes have different policies")
    return lines


def _whom(node: str | None) -> str:
    return "all nodes" if node is None else node


def _goal_line(goal: dict[str, Any]) -> str:
    revision, before = (goal[name] or "files" for name in ("revision", "previous"))
    by = f"since {goal['at']}, by {goal['actor']}; before: {before}"
    return f"goal of {_whom(goal['node'])}: {revision} ({by})"


def _rollout_line(rollout: dict[str, Any]) -> str:
    nodes = ", ".join(f"{one['node']} {one['verdict']}" for one in rollout["nodes"])
    whom = _whom(rollout["node"])
    return f"rollout of {rollout['revision']} to {whom}: {rollout['state']} ({nodes})"
