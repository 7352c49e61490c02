"""Follows the pages of the documentation as their reader would.

A page writes files (a line that ends with the path in backticks and a colon, then a block) and runs
commands (`console` blocks: lines that begin with `$ `, each followed by its output). `…` stands for
any text, and alone on a line for any lines. Long-running commands (`dfks serve`, `make run`,
`dfks trace`, `--watch`) continue until a line `^C`, which stops the last of them, or until the end
of the page.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.helpers.ports import free_port

WITHIN = 120.0
"""Seconds a command has to print what the page says."""
_BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n?)?```(\w*)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(
    r"^(\$ (?:.*\\\n)*.*|\^C)\n"  # one command, on several lines if they end with `\`
    r"((?:(?!\$ |\^C$).*\n)*)",  # everything up to the next
    re.MULTILINE,
)
_COLUMNS = re.compile(r"(?:\\ ){2,}")
"""The space between columns, in a pattern."""
_STAYS = re.compile(r"dfks serve|make run|--watch|dfks trace")
_PORT = re.compile(r"(?:(?<=127\.0\.0\.1[: ])|(?<=127\.0\.0\.1\\:))\d{4}\b")
_BIN = Path(sys.executable).parent


class Command(NamedTuple):
    """One command line, and its expected output."""

    line: str
    """For the shell; `^C` stops the last long-running command."""
    prints: str
    """All its output or, for a long-running command, its first output."""


class WrittenFile(NamedTuple):
    """A file the page asks its reader to write."""

    path: str
    """Relative to the reader's folder."""
    text: str
    """The whole content."""


class Reader:
    """Follows a page in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stay: list[subprocess.Popen[bytes]] = []
        (folder / ".venv").symlink_to(_BIN.parent)

    def follow(self, page: str) -> None:
        """Do what the page says; its ports, and those of `dfks.yaml`, are replaced by free ones."""
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
            # A long-running command replaces the shell, so that signals reach it.
            ["bash", "-c", f"exec {line}" if errors == subprocess.DEVNULL else line],
            cwd=self._folder,
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
        )


def steps(page: str) -> list[Command | WrittenFile]:
    """The steps of a page, in order."""
    found: list[Command | WrittenFile] = []
    for path, kind, text in _BLOCK.findall(page):
        if kind == "console":
            for line, prints in _COMMAND.findall(text):
                # Before `^C`, the page has already shown as much of the output as it wants.
                shown = "…\n" + prints if line == "^C" else prints
                found.append(Command(line.removeprefix("$ "), shown))
        elif path:
            found.append(WrittenFile(path, text))
    return found


def _first_lines(process: "subprocess.Popen[bytes]", wanted: str) -> str:
    """What the process prints until that matches `wanted` or time is up."""
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
    """What a command may print; columns are as wide as what stands in them, e.g. a PID."""
    lines = [
        r"(?:.*\n)*?" if line == "…\n" else _COLUMNS.sub(" +", re.escape(line)).replace("…", ".*")
        for line in prints.splitlines(keepends=True)
    ]
    return re.compile("".join(lines))


def on_free_ports(page: str) -> str:
    """The page with free ports in place of those on 127.0.0.1 that it names."""
    return _with_ports(page, _free_ports(sorted(set(_PORT.findall(page)))))


def _with_ports(text: str, ports: dict[str, str]) -> str:
    return _PORT.sub(lambda found: ports[found[0]], text)


def _free_ports(ports: list[str]) -> dict[str, str]:
    """For each of these ports, one that is free for UDP and TCP."""
    return {port: str(free_port()) for port in ports}
