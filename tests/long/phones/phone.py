"""Phones that none of us wrote, each in a process of its own that is driven by lines.

| to a phone | what it does |
|---|---|
| `subscribe`, with a document or without | begins, or stays in the dialog; a document is a set |
| `unsubscribe` | ends the subscription |

| from a phone | what it says, in words parted by tabs |
|---|---|
| `ready` | it listens |
| `notify STATE [TYPE DOCUMENT]…` | what it read in a NOTIFY |
| `ended` | it has unsubscribed |
| `failed REASON` | a SUBSCRIBE was refused |

Other lines are its log. It ends with its stdin.
"""

import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.certificates import authority
from tests.helpers.ua import BODY_TYPE, read_document

HERE = Path(__file__).parent
ALICE, PASSWORD = "sip:alice@example.com", "wonderland"
WITHIN = 60.0
"""Seconds a phone has for each thing that it must do."""
_WORDS = ("ready", "notify", "ended", "failed")


class Notified(NamedTuple):
    """What a phone read in a NOTIFY."""

    state: str
    """Subscription-State."""
    told: dict[str, str]
    """By feature, as `Message.told`."""


class Phone:
    """A phone that runs; made by `phone`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log, self._read, self.pid = process, log, b"", process.pid

    def say(self, *words: str) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words).encode() + b"\n")
        self._process.stdin.flush()

    def expect(self, word: str) -> list[str]:
        """The words behind this one, which must come next."""
        line = self._line(time.monotonic() + WITHIN)
        if line is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            status = self._process.poll()
            pytest.fail(f"no `{word}`; exit status {status}\n{self.log()}")
        first, *rest = line
        assert first == word, f"{line}\n{self.log()}"
        return rest

    def notified(self) -> Notified:
        """The NOTIFY that must come next."""
        state, *words = self.expect("notify")
        assert set(words[::2]) <= {BODY_TYPE}
        told = dict(read_document(text.encode()) for text in words[1::2])
        assert len(told) == len(words) // 2, "one document for each feature"
        return Notified(state, told)

    def subscribe(self, document: bytes = b"") -> Notified:
        """Begin or refresh, or set; the NOTIFY that answers it."""
        self.say("subscribe", document.decode())
        return self.notified()

    def started(self) -> bool:
        """Whether it is ready, and not one that cannot start here."""
        return self._line(time.monotonic() + WITHIN) == ["ready"]

    def log(self) -> str:
        """The end of what it printed to stderr."""
        return self._log.read_text("utf-8", "replace")[-2000:]

    def _line(self, deadline: float) -> list[str] | None:
        """The next line that is no log; None at the end, or at the deadline."""
        assert self._process.stdout is not None
        while True:
            line, end, rest = self._read.partition(b"\n")
            if end:
                self._read = rest
                words = line.decode().strip(" ").split("\t")
                if words[0] in _WORDS:
                    return words
                continue
            wait = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], wait)
            piece = os.read(self._process.stdout.fileno(), 65_536) if ready else b""
            if not piece:
                return None
            self._read += piece


Program = Callable[[Path], list[str]]
"""Makes a phone in a folder, or skips the test; the command that runs it."""


def sofia_sip(folder: Path) -> list[str]:
    """Compile a phone of sofia-sip's nua."""
    needs = "needs cc, pkg-config and sofia-sip (Debian package libsofia-sip-ua-dev)"
    if not shutil.which("cc") or not shutil.which("pkg-config"):
        pytest.skip(needs)
    package = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "sofia-sip-ua"], capture_output=True, check=False
    )
    if package.returncode:
        pytest.skip(needs)
    program = str(folder / "nua")
    flags = shlex.split(package.stdout.decode())
    subprocess.run(["cc", "-o", program, str(HERE / "nua.c"), *flags], check=True, timeout=180)
    return [program]


def liblinphone(folder: Path) -> list[str]:
    """Give a phone of liblinphone the folders that it keeps its databases in."""
    for name in (".local/share/linphone", ".config/linphone"):
        (folder / name).mkdir(parents=True)
    return [sys.executable, str(HERE / "linphone.py")]


PROGRAMS = [sofia_sip, liblinphone]


@contextmanager
def phone(program: Program, folder: Path, proxy: str, transport: str) -> Iterator[Phone]:
    """Run a phone of Alice's until the block ends; skip the test where it cannot start.

    Args:
        program: which phone.
        folder: for what it writes; its HOME.
        proxy: host and port that it sends all requests to.
        transport: `udp`, `tcp` or `tls`.
    """
    shown, key = authority().files(folder, "phone.example", stem="phone")
    (folder / "agent.pem").write_bytes(key.read_bytes() + shown.read_bytes())
    authority().ca_file(folder, "cafile")
    where = [f"sip:{proxy};transport={transport};lr", transport]
    command = [*program(folder), ALICE, *where, PASSWORD, str(folder)]
    log = folder / "phone.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            made = Phone(process, log)
            if not made.started():
                reason = made.log().strip().rpartition("\n")[2]
                pytest.skip(f"{program.__name__} does not start: {reason}")
            yield made
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(WITHIN) == 0, made.log()
        finally:
            process.kill()
