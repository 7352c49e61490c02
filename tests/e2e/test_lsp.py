"""`dfks policy lsp` as an editor uses it: a process that is spoken to in frames of JSON-RPC."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the language server needs the extra `lsp`")
pytestmark = pytest.mark.e2e

_SECONDS = 60
POLICY = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: office}
schedules:
  hours: {tz: Europe/Berlin, weekly: [Mon-Fri 08:00-18:00]}
rules:
  - id: no-forwarding
    description: Calls stay in the house.
    when:
      op: set
      feature: CallForwardingAlways
      request.status: 1
      time: {during: hours}
      groups: {has: sales}
    then: {deny: {reason: office, exceptions: true}}
"""
CASES = """\
apiVersion: dfks/v1
kind: PolicyTest
policies: [.]
tests:
  - name: sales stays
    given: {op: set, feature: CallForwardingAlways, request.status: 1}
    expect: {by: {deny: office/no-forwarding}, matched: [office/no-forwarding]}
"""
EXCEPTION = """\
apiVersion: dfks/v1
kind: Exception
metadata: {name: boss}
for: [office/no-forwarding]
when: {user: boss}
why: The boss may.
"""
USERS = "user,domain,groups,role,numbers\nalice,acme.example,sales,,\nbob,acme.example,support,,\n"


class Editor:
    """A client of the server, with the folder of policies that it has open."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self._last = 0
        self._heard: list[dict[str, Any]] = []

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    async def notify(self, method: str, params: Any) -> None:
        await self._send({"method": method, "params": params})

    async def ask(self, method: str, params: Any) -> Any:
        """The result of a request; its error is raised."""
        self._last += 1
        await self._send({"id": self._last, "method": method, "params": params})
        answer = await self._until(lambda told: told.get("id") == self._last)
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    async def open(self, name: str, text: str, version: int = 1) -> None:
        item = {"uri": self.uri(name), "languageId": "yaml", "version": version, "text": text}
        await self.notify("textDocument/didOpen", {"textDocument": item})

    async def change(self, name: str, text: str, version: int) -> None:
        """All of the text at once."""
        document = {"uri": self.uri(name), "version": version}
        changes = [{"text": text}]
        params = {"textDocument": document, "contentChanges": changes}
        await self.notify("textDocument/didChange", params)

    async def codes(self, name: str, *wanted: str) -> list[dict[str, Any]]:
        """The diagnostics of a file, once they have these codes."""

        def told(message: dict[str, Any]) -> bool:
            if message.get("method") != "textDocument/publishDiagnostics":
                return False
            found = message["params"]
            codes = sorted(one["code"] for one in found["diagnostics"])
            return found["uri"] == self.uri(name) and codes == sorted(wanted)

        found: list[dict[str, Any]] = (await self._until(told))["params"]["diagnostics"]
        return found

    async def at(self, method: str, name: str, text: str, **more: Any) -> Any:
        """Ask about the place in a file of which `|` in its text says where it is."""
        before = text.partition("|")[0]
        line = before.count("\n")
        units = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
        params = {
            "textDocument": {"uri": self.uri(name)},
            "position": {"line": line, "character": units},
        }
        return await self.ask(f"textDocument/{method}", {**params, **more})

    async def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await self.process.stdin.drain()

    async def _until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is the one; those before it that are not are kept in order."""
        for position, message in enumerate(self._heard):
            if is_it(message):
                del self._heard[: position + 1]
                return message
        async with asyncio.timeout(_SECONDS):
            while True:
                message = await self._hear()
                if is_it(message):
                    return message
                self._heard.append(message)

    async def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        head = await self.process.stdout.readuntil(b"\r\n\r\n")
        fields = dict(line.split(": ") for line in head.decode().split("\r\n") if line)
        body = await self.process.stdout.readexactly(int(fields["Content-Length"]))
        message: dict[str, Any] = json.loads(body)
        return message


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Editor]:
    """An editor that has a folder open, and ends without a word."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dfks_rules", "policy", "lsp", "--stdio"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    one = Editor(process, folder)
    try:
        folders = [{"uri": folder.as_uri(), "name": "policies"}]
        start = {"processId": None, "rootUri": None, "workspaceFolders": folders}
        await one.ask("initialize", {**start, "capabilities": {}})
        await one.notify("initialized", {})
        yield one
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def editor(folder: Path) -> AsyncIterator[Editor]:
    """An editor that has a folder open, and says goodbye at the end."""
    async with started(folder) as one:
        yield one
        await one.ask("shutdown", None)
        await one.notify("exit", None)
        async with asyncio.timeout(_SECONDS):
            assert await one.process.wait() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of policies."""
    where = tmp_path / "policies"
    where.mkdir()
    files = {"office.yaml": POLICY, "cases.yaml": CASES, "boss.yaml": EXCEPTION, "users.csv": USERS}
    for name, text in files.items():
        (where / name).write_text(text, "utf-8")
    return where


def _edited(text: str, edits: list[dict[str, Any]]) -> str:
    """A text with edits of the protocol made; columns are those of ASCII."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda one: str(one["range"]["start"]), reverse=True):
        start, end = edit["range"]["start"], edit["range"]["end"]
        line = lines[start["line"]]
        new = line[: start["character"]] + edit["newText"] + line[end["character"] :]
        lines[start["line"]] = new
    return "\n".join(lines)


async def test_a_mistake_is_told_while_it_is_typed_and_mended_by_its_suggestion(
    folder: Path,
) -> None:
    """The file on disk stays as it is: what counts is the text in the editor."""
    async with editor(folder) as one:
        await one.open("office.yaml", POLICY)
        await one.codes("office.yaml")
        wrong = POLICY.replace("has: sales", "has: salse")
        await one.change("office.yaml", wrong, 2)
        (found,) = await one.codes("office.yaml", "policy_unknown_group")
        assert found["severity"] == 2
        assert found["codeDescription"]["href"].endswith("findings.md#policy_unknown_group")
        wrong = wrong.replace("op: set", "opp: set")
        await one.change("office.yaml", wrong, 3)
        (found,) = await one.codes("office.yaml", "policy_unknown_fact")
        assert found["range"] == {
            "start": {"line": 9, "character": 6},
            "end": {"line": 9, "character": 9},
        }
        wanted = {"range": found["range"], "context": {"diagnostics": [found]}}
        document = {"uri": one.uri("office.yaml")}
        (action,) = await one.ask("textDocument/codeAction", {"textDocument": document, **wanted})
        assert action["title"] == "Replace by `op`"
        edits = action["edit"]["changes"][one.uri("office.yaml")]
        mended = _edited(wrong, edits)
        assert "      op: set\n" in mended
        await one.change("office.yaml", mended, 4)
        await one.codes("office.yaml", "policy_unknown_group")
    assert (folder / "office.yaml").read_text("utf-8") == POLICY


async def test_names_are_completed_also_in_a_file_that_is_not_yet_valid(folder: Path) -> None:
    """Keys, facts, groups of the CSV file, schedules, rules in cases."""
    async with editor(folder) as one:

        async def completed(name: str, text: str, version: int) -> list[str]:
            await one.change(name, text.replace("|", ""), version)
            found = await one.at("completion", name, text)
            return [item["textEdit"]["newText"] for item in found["items"]]

        await one.open("office.yaml", POLICY)
        await one.open("cases.yaml", CASES)
        broken = POLICY.partition("    when:")[0]
        assert "when: " in await completed("office.yaml", broken + "    w|", 2)
        assert "feature: " in await completed("office.yaml", broken + "    when: {f|", 3)
        text = broken + "    when: {groups: {has: |"
        assert await completed("office.yaml", text, 4) == ["sales", "support"]
        text = broken + "    when: {time: {during: |"
        assert await completed("office.yaml", text, 5) == ["hours"]
        text = broken + "    description: 😀 ${targ|"
        assert "target.class}" in await completed("office.yaml", text, 6)
        text = CASES.partition("    expect:")[0] + "    expect: {by: {deny: off|"
        assert "office/no-forwarding" in await completed("cases.yaml", text, 2)


async def test_help_and_definitions_are_a_word_away(folder: Path) -> None:
    """Facts and matchers from their tables; groups lead to the line of the CSV file."""
    async with editor(folder) as one:
        await one.open("office.yaml", POLICY)
        await one.open("cases.yaml", CASES)
        fact = await one.at("hover", "office.yaml", POLICY.replace("feature:", "fea|ture:"))
        assert fact["contents"]["value"].startswith("fact `feature`: word")
        rule = await one.at("hover", "cases.yaml", CASES.replace("deny: off", "deny: o|ff"))
        assert "Calls stay in the house." in rule["contents"]["value"]
        (group,) = await one.at("definition", "office.yaml", POLICY.replace("sales", "sa|les"))
        assert group["uri"] == one.uri("users.csv")
        assert group["range"]["start"] == {"line": 1, "character": 19}
        (hours,) = await one.at(
            "definition", "office.yaml", POLICY.replace(": hours}", ": h|ours}")
        )
        assert hours["range"]["start"] == {"line": 4, "character": 2}


async def test_a_rule_is_renamed_with_its_cases_and_exceptions(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And the renamed files are as sound as they were. What is refused is no failure to log."""
    async with editor(folder) as one:
        await one.open("office.yaml", POLICY)
        at_rule = POLICY.replace("id: no", "id: n|o")
        assert await one.at("prepareRename", "office.yaml", at_rule) == {
            "start": {"line": 6, "character": 8},
            "end": {"line": 6, "character": 21},
        }
        done = await one.at("rename", "office.yaml", at_rule, newName="stay")
        texts = {"office.yaml": POLICY, "cases.yaml": CASES, "boss.yaml": EXCEPTION}
        assert done["changes"].keys() == {one.uri(name) for name in texts}
        for name, text in texts.items():
            new = _edited(text, done["changes"][one.uri(name)])
            assert new == text.replace("no-forwarding", "stay")
        with pytest.raises(RuntimeError, match="lower-case letters"):
            await one.at("rename", "office.yaml", at_rule, newName="No way")
        assert "Traceback" not in capfd.readouterr().err


async def test_a_rule_is_renamed_in_the_cases_of_other_folders(tmp_path: Path) -> None:
    """As repositories have them: policies here, their cases there."""
    policies, tests = tmp_path / "policies", tmp_path / "tests"
    for where in (policies, tests):
        where.mkdir()
    (policies / "office.yaml").write_text(POLICY, "utf-8")
    cases = CASES.replace("policies: [.]", "policies: [../policies]")
    assert cases != CASES
    (tests / "cases.yaml").write_text(cases, "utf-8")
    async with editor(tmp_path) as one:
        await one.open("policies/office.yaml", POLICY)
        at_rule = POLICY.replace("id: no", "id: n|o")
        done = await one.at("rename", "policies/office.yaml", at_rule, newName="stay")
        new = _edited(cases, done["changes"][one.uri("tests/cases.yaml")])
        assert new == cases.replace("no-forwarding", "stay")
        at_group = POLICY.replace("sales", "sa|les")
        with pytest.raises(RuntimeError, match="groups come from directories"):
            await one.at("prepareRename", "policies/office.yaml", at_group)


async def test_a_rule_is_renamed_with_exceptions_in_other_folders(tmp_path: Path) -> None:
    """From either side: a server reads both folders together."""
    policies, site = tmp_path / "policies", tmp_path / "site"
    for where in (policies, site):
        where.mkdir()
    (policies / "office.yaml").write_text(POLICY, "utf-8")
    (site / "boss.yaml").write_text(EXCEPTION, "utf-8")
    async with editor(tmp_path) as one:
        await one.open("policies/office.yaml", POLICY)
        await one.open("site/boss.yaml", EXCEPTION)
        for file, text in (("policies/office.yaml", POLICY), ("site/boss.yaml", EXCEPTION)):
            at = text.replace("no-forwarding", "no-|forwarding", 1)
            done = await one.at("rename", file, at, newName="stay")
            assert done["changes"].keys() == {
                one.uri("policies/office.yaml"),
                one.uri("site/boss.yaml"),
            }
            new = _edited(EXCEPTION, done["changes"][one.uri("site/boss.yaml")])
            assert new == EXCEPTION.replace("no-forwarding", "stay")


async def test_no_file_outside_the_workspace_is_read(folder: Path) -> None:
    """Not by a link either: what a group in it is called is offered to nobody."""
    outside = folder.parent / "outside.csv"
    outside.write_text(USERS.replace("support", "secret"), "utf-8")
    (folder / "linked.csv").symlink_to(outside)
    async with editor(folder) as one:
        await one.open("office.yaml", POLICY)
        found = await one.at("completion", "office.yaml", POLICY.replace("has: s", "has: |s"))
        assert [item["label"] for item in found["items"]] == ["sales", "support"]


async def test_findings_of_other_files_are_told_and_taken_back_with_the_last_document(
    folder: Path,
) -> None:
    """A case that has a mistake is shown while its policy is being written."""
    wrong = CASES.replace("op: set", "op: sett")
    (folder / "cases.yaml").write_text(wrong, "utf-8")
    async with editor(folder) as one:
        await one.open("office.yaml", POLICY)
        await one.codes("cases.yaml", "policy_value")
        document = {"uri": one.uri("office.yaml")}
        await one.notify("textDocument/didClose", {"textDocument": document})
        await one.codes("cases.yaml")


async def test_the_server_ends_when_its_client_is_gone(folder: Path) -> None:
    """Without a goodbye: an editor that was killed leaves no process behind."""
    async with started(folder) as one:
        await one.open("office.yaml", POLICY)
        await one.codes("office.yaml")
        assert one.process.stdin is not None
        one.process.stdin.close()
        async with asyncio.timeout(_SECONDS):
            await one.process.wait()
