"""Pages of the documentation, done as their reader would do them.

A page writes files (a line that ends with the path in backticks and a colon, then a block) and runs
commands (`console` blocks: lines that begin with `$ `, each followed by what it prints). `…` stands
for any text, and alone on a line for any lines. Commands that stay (`dfks serve`, `make run`,
`--watch`) run on until a line `^C`, which is for the last of them, or until the end of the page.
"""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

WITHIN = 60.0
"""Seconds that a command has to print what the page says."""
_BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n?)?```(\w*)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(
    r"^(\$ (?:.*\\\n)*.*|\^C)\n"  # one command, on several lines if they end with `\`
    r"((?:(?!\$ |\^C$).*\n)*)",  # all up to the next
    re.MULTILINE,
)
_STAYS = re.compile(r"dfks serve|make run|--watch")
_PORT = re.compile(r"(?<=127\.0\.0\.1:)\d{4}\b")
_BIN = Path(sys.executable).parent


class Command(NamedTuple):
    """One line of a reader's, and what comes back."""

    line: str
    """For the shell; `^C` for the last command that stays."""
    prints: str
    """All of it, or for a command that stays what it prints at first."""


class WrittenFile(NamedTuple):
    """A file that the page has its reader write."""

    path: str
    """Relative to the reader's folder."""
    text: str
    """All of it."""


class Reader:
    """Follows a page in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stay: list[subprocess.Popen[bytes]] = []
        (folder / ".venv").symlink_to(_BIN.parent)

    def follow(self, page: str) -> None:
        """Do what the page says; its ports, and those of `dfks.yaml`, become free ones."""
        settings = self._folder / "dfks.yaml"
        served = settings.read_text() if settings.exists() else ""
        ports = _free_ports(sorted(set(_PORT.findall(page + served))))
        if served:
            settings.write_text(_with_ports(served, ports))
        try:
            for step in steps(_with_ports(page, ports)):
                if isinstance(step, WrittenFile):
                    file = self._folder / step.path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(step.text)
                else:
                    self._run(step)
        finally:
            for process in self._stay:
                process.kill()
                process.communicate()

    def _run(self, command: Command) -> None:
        if command.line == "^C":
            process = self._stay.pop()
            process.send_signal(signal.SIGINT)
            printed = process.communicate(timeout=WITHIN)[0].decode()
        elif _STAYS.search(command.line):
            self._stay.append(self._start(command.line, errors=subprocess.DEVNULL))
            printed = _first_lines(self._stay[-1], command.prints)
        else:
            process = self._start(command.line, errors=subprocess.STDOUT)
            printed = process.communicate(timeout=WITHIN)[0].decode()
        assert _pattern(command.prints).fullmatch(printed), f"$ {command.line}\n{printed}"

    def _start(self, line: str, errors: int) -> "subprocess.Popen[bytes]":
        line = line.replace("make run", ".venv/bin/dfks serve")
        path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            # A command that stays takes the shell's place, so that signals reach it.
            ["bash", "-c", f"exec {line}" if errors == subprocess.DEVNULL else line],
            cwd=self._folder,
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
        )


def steps(page: str) -> list[Command | WrittenFile]:
    """What a page has its reader do, in order."""
    found: list[Command | WrittenFile] = []
    for path, kind, text in _BLOCK.findall(page):
        if kind == "console":
            for line, prints in _COMMAND.findall(text):
                # Of what a command printed before `^C` the page has shown what it wants to.
                shown = "…\n" + prints if line == "^C" else prints
                found.append(Command(line.removeprefix("$ "), shown))
        elif path:
            found.append(WrittenFile(path, text))
    return found


def _first_lines(process: "subprocess.Popen[bytes]", wanted: str) -> str:
    """What it prints until that is what is wanted, or too late."""
    assert process.stdout is not None
    deadline, pattern, printed = time.monotonic() + WITHIN, _pattern(wanted), b""
    while not pattern.fullmatch(printed.decode()):
        ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 65_536) if ready else b""
        if not piece:
            break
        printed += piece
    return printed.decode()


def _pattern(prints: str) -> re.Pattern[str]:
    lines = [
        r"(?:.*\n)*?" if line == "…\n" else re.escape(line).replace("…", ".*")
        for line in prints.splitlines(keepends=True)
    ]
    return re.compile("".join(lines))


def on_free_ports(page: str) -> str:
    """The page with free ports in place of those on 127.0.0.1 that it names."""
    return _with_ports(page, _free_ports(sorted(set(_PORT.findall(page)))))


def _with_ports(text: str, ports: dict[str, str]) -> str:
    return _PORT.sub(lambda found: ports[found[0]], text)


def _free_ports(ports: list[str]) -> dict[str, str]:
    """For each of these a port that nobody has, for UDP and TCP."""
    with contextlib.ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in ports]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {port: str(one.getsockname()[1]) for port, one in zip(ports, sockets, strict=True)}
