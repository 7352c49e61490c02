"""The language server: requests of an editor → answers of `policy.editing`.

Findings are looked for a moment after the last key press, in a thread, so that nothing waits for
them; completion and the rest take what the last look at the folder found, and the text of now.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import PositionCodec

from dfks_rules import __version__
from dfks_rules.cli.policy.lsp.folders import (
    Studied,
    about,
    elsewhere,
    folder_of,
    folders_having,
    study,
)
from dfks_rules.cli.policy.lsp.shapes import completion_item, diagnostic, place_of, range_of
from dfks_rules.policy.editing.changing import (
    Edit,
    RenameError,
    correction,
    renamable_at,
    rename,
)
from dfks_rules.policy.editing.completion import MAX_OFFERED, complete
from dfks_rules.policy.editing.looking import definitions_at, hover
from dfks_rules.policy.editing.names import Kind, Mention, Outlined, definitions_of, outlined
from dfks_rules.policy.reading.memory import Memory
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.words.wording import quoted

DELAY = 0.3
"""Seconds without a key press before findings are looked for."""


class _Place(NamedTuple):
    """Where a client asks about, and what is known there."""

    file: Outlined
    """The document as it is now."""
    line: int
    """0-based."""
    column: int
    """0-based, in characters."""
    files: Sequence[Outlined]
    """All files of its folder, the document as it is now among them."""

    @property
    def lines(self) -> list[str]:
        return self.file.source.text.split("\n")


class PolicyServer(LanguageServer):
    """A server for one editor, and what it knows about the folders that are open there."""

    def __init__(self) -> None:
        super().__init__("dfks", __version__)
        self._studied: dict[Path, Studied] = {}
        self._memories: dict[Path, Memory] = {}
        """Folder → what was read there at the last look."""
        self._due: dict[Path, float] = {}
        """Folder → when to look at it next, by the clock of the event loop."""
        self._looks: dict[Path, asyncio.Task[None]] = {}
        """Folder → the task that looks at it, one at a time."""

    @property
    def codec(self) -> PositionCodec:
        """How the client counts columns."""
        return self.workspace.position_codec

    def look_soon(self, uri: str, delay: float = DELAY) -> None:
        """Look for findings in the folder of a document, once no key is pressed for a while."""
        path = to_fs_path(uri)
        if path is None:
            return
        folder, loop = folder_of(Path(path)), asyncio.get_running_loop()
        self._due[folder] = loop.time() + delay
        if folder not in self._looks:
            self._looks[folder] = loop.create_task(self._look(folder))
            self._looks[folder].add_done_callback(lambda _: self._looks.pop(folder))

    def forget(self, uri: str) -> None:
        """A document is closed: forget its folder with the last one, and take the findings back."""
        path = to_fs_path(uri)
        if path is None:
            return
        folder = folder_of(Path(path))
        if self._is_open(folder):
            self.look_soon(uri, 0)
            return
        studied = self._studied.pop(folder, None)
        self._memories.pop(folder, None)
        for file in studied.findings if studied else ():
            self._publish(file, [])

    async def place(self, uri: str, at: types.Position) -> _Place | None:
        """What is known about a place in a document; None: it is not open, or no file."""
        document = self.workspace.text_documents.get(uri)
        path = to_fs_path(uri)
        if document is None or path is None:
            return None
        folder = folder_of(Path(path))
        if folder not in self._studied:
            self._studied[folder] = await self._study(folder)
        text = document.source
        known = self._studied[folder].files
        old = next((one for one in known if one.source.file == path), None)
        file = old
        if old is None or old.source.text != text:
            source = old.source._replace(text=text) if old else Source(path, text)
            file = await asyncio.to_thread(outlined, source)
        assert file is not None  # noqa: S101 - it is made where there was none
        line, column = place_of(text.split("\n"), self.codec, at)
        others = (one for one in known if one.source.file != path)
        return _Place(file, line, column, [*others, file])

    async def files_about(self, name: Mention, files: Sequence[Outlined]) -> Sequence[Outlined]:
        """The files in which a name may stand: of a rule, also those of other folders.

        Raises:
            RenameError: the workspace is too large to look for them, or several folders have it.
        """
        if name.kind is not Kind.RULE:
            return files
        here = folder_of(Path(name.file))
        memory = self._memories.setdefault(here, Memory())
        found = await asyncio.to_thread(elsewhere, name.name, self._roots(), self._open(), memory)
        defined = [folder_of(Path(one.file)) for one in definitions_of(name, files)]
        having = {*defined[:1]} or folders_having(name.name, found)
        if len(having) > 1:
            raise RenameError(f"several folders have a rule {quoted(name.name)}: rename it there")
        for folder in having:
            if folder not in self._studied:
                self._studied[folder] = await self._study(folder)
            others = about(name.name, folder, found)
            known = (*self._studied[folder].files, *others, *files)
            return list({one.source.file: one for one in known}.values())
        return files

    def edits(self, edits: Sequence[Edit], files: Sequence[Outlined]) -> types.WorkspaceEdit:
        """Edits for the client."""
        lines = {one.source.file: one.source.text.split("\n") for one in files}
        changes: dict[str, list[types.TextEdit]] = {}
        for file, span, text in edits:
            edit = types.TextEdit(range_of(lines[file], self.codec, span), text)
            changes.setdefault(_uri(file), []).append(edit)
        return types.WorkspaceEdit(changes)

    def location(self, mention: Mention, files: Sequence[Outlined]) -> types.Location:
        """The place of a definition for the client."""
        file = next(one for one in files if one.source.file == mention.file)
        lines = file.source.text.split("\n")
        return types.Location(_uri(mention.file), range_of(lines, self.codec, mention.span))

    def corrections(self, place: _Place, wanted: types.Range) -> list[types.CodeAction]:
        """What findings on the lines of a range suggest."""
        studied = self._studied.get(folder_of(Path(place.file.source.file)))
        found = studied.findings.get(place.file.source.file, []) if studied else []
        actions = []
        for finding in found:
            edit = correction(finding, place.file)
            is_near = wanted.start.line <= finding.line - 1 <= wanted.end.line
            if edit is None or not (is_near or edit.span.line == wanted.start.line):
                continue
            actions.append(
                types.CodeAction(
                    title=f"Replace by `{edit.text}`",
                    kind=types.CodeActionKind.QuickFix,
                    diagnostics=[diagnostic(finding, place.file, self.codec)],
                    is_preferred=True,
                    edit=self.edits([edit], [place.file]),
                )
            )
        return actions

    async def _look(self, folder: Path) -> None:
        """Look at a folder for as long as there is something new."""
        clock = asyncio.get_running_loop().time
        while folder in self._due:
            if (wait := self._due[folder] - clock()) > 0:
                await asyncio.sleep(wait)
                continue
            del self._due[folder]
            before = self._studied.get(folder)
            studied = await self._study(folder)
            if not self._is_open(folder):
                return
            self._studied[folder] = studied
            known = {one.source.file: one for one in studied.files}
            for file in {**(before.findings if before else {}), **studied.findings}:
                outline = known.get(file) or outlined(Source(file, ""))
                found = studied.findings.get(file, ())
                self._publish(file, [diagnostic(one, outline, self.codec) for one in found])

    async def _study(self, folder: Path) -> Studied:
        today = datetime.now().astimezone().date()  # noqa: TID251 - what has expired by now
        memory = self._memories.setdefault(folder, Memory())
        return await asyncio.to_thread(study, folder, self._roots(), self._open(), today, memory)

    def _roots(self) -> list[Path]:
        uris = [*self.workspace.folders] or [self.workspace.root_uri or ""]
        return [Path(path) for uri in uris if (path := to_fs_path(uri))]

    def _open(self) -> dict[Path, str]:
        documents = self.workspace.text_documents
        paths = {uri: to_fs_path(uri) for uri in documents}
        return {Path(path): documents[uri].source for uri, path in paths.items() if path}

    def _is_open(self, folder: Path) -> bool:
        return any(folder_of(one) == folder for one in self._open())

    def _publish(self, file: str, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(_uri(file), found))


def make_server() -> PolicyServer:
    """A server that answers all that an editor asks about policies; `start_io` runs it."""
    server = PolicyServer()
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_no_refusal)
    _hear_of_documents(server)
    _answer_about_places(server)
    _answer_with_edits(server)
    return server


def _hear_of_documents(server: PolicyServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.look_soon(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.look_soon(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.look_soon(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)


def _answer_about_places(server: PolicyServer) -> None:
    # Words are letters and digits for most editors: they ask again behind these.
    options = types.CompletionOptions(trigger_characters=[".", "/", "{", " ", ":", "-", "@"])

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    async def completed(params: types.CompletionParams) -> types.CompletionList | None:
        place = await server.place(params.text_document.uri, params.position)
        if place is None:
            return None
        found = await asyncio.to_thread(complete, *place)
        items = [completion_item(one, n, place.lines, server.codec) for n, one in enumerate(found)]
        return types.CompletionList(len(items) >= MAX_OFFERED, items)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovered(params: types.HoverParams) -> types.Hover | None:
        place = await server.place(params.text_document.uri, params.position)
        found = place and hover(place.file, place.line, place.column, place.files)
        if not place or not found:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, found[0])
        return types.Hover(content, range_of(place.lines, server.codec, found[1].span))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def defined(params: types.DefinitionParams) -> list[types.Location]:
        place = await server.place(params.text_document.uri, params.position)
        if place is None:
            return []
        found = definitions_at(place.file, place.line, place.column, place.files)
        return [server.location(one, place.files) for one in found]


def _answer_with_edits(server: PolicyServer) -> None:
    prepares = types.RenameOptions(prepare_provider=True)

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    async def prepared(params: types.PrepareRenameParams) -> types.Range | None:
        place = await server.place(params.text_document.uri, params.position)
        if place is None:
            return None
        with _told_to_client():
            name = renamable_at(place.file, place.line, place.column)
        return range_of(place.lines, server.codec, name.span) if name else None

    @server.feature(types.TEXT_DOCUMENT_RENAME, prepares)
    async def renamed(params: types.RenameParams) -> types.WorkspaceEdit | None:
        place = await server.place(params.text_document.uri, params.position)
        if place is None:
            return None
        with _told_to_client():
            name = renamable_at(place.file, place.line, place.column)
            if name is None:
                return None
            files = await server.files_about(name, place.files)
            return server.edits(rename(name, params.new_name, files), files)

    kinds = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    async def acted(params: types.CodeActionParams) -> list[types.CodeAction]:
        place = await server.place(params.text_document.uri, params.range.start)
        return server.corrections(place, params.range) if place else []


@contextmanager
def _told_to_client() -> Iterator[None]:
    """Why something cannot be renamed is shown by the editor."""
    try:
        yield
    except RenameError as error:
        raise JsonRpcInvalidParams(str(error)) from error


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """The library also logs what the client is told, with a traceback, as if it had failed."""
    error = record.exc_info[1] if record.exc_info else None
    return not (error and isinstance(error.__cause__, RenameError))


def _uri(file: str) -> str:
    return from_fs_path(file) or ""
