"""Several `dfks serve` on one PostgreSQL, and a phone that speaks to whichever it likes."""

import asyncio
import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from dfks_rules.store.postgres.schema import migrate
from tests.helpers.ports import free_port
from tests.helpers.server import ROOT, Server, serve
from tests.helpers.ua import Message, Ua

WITHIN = 90.0
"""Seconds within which something that nodes do by themselves must have happened."""


def is_file(url: str) -> bool:
    """Whether a store is not shared."""
    return url.startswith("sqlite:")


class Node:
    """One process after the other on the same ports, with the same name."""

    def __init__(
        self,
        name: str,
        folder: Path,
        config: Mapping[str, Any],
        url: str,
        host: str = "127.0.0.1",
    ) -> None:
        """Nothing runs yet.

        Args:
            name: of the node.
            folder: for settings and log.
            config: settings other than those that make it a node.
            url: the database; where it is a file, this is a server that has it for itself.
            host: its address.
        """
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True)
        self.sip = host, free_port()
        """Address of its SIP, over UDP and over TCP."""
        self.http = f"http://{host}:{free_port()}"
        """URL of its counters and health."""
        self.mi_url = f"http://{host}:{free_port()}/mi"
        """URL of MI."""
        mi, port = self.mi_url.removeprefix("http://").removesuffix("/mi"), self.sip[1]
        self._config: dict[str, Any] = {
            "sip": {"listen": [f"udp:{host}:{port}", f"tcp:{host}:{port}"]},
            "store": url,
            **({} if is_file(url) else {"cluster": {"name": name, "contact": "keys.example.com"}}),
            "policies": [str(ROOT / "policies/default")],
            "mi": {"http": {"listen": mi, "root": "/mi"}},
            "http": {"listen": self.http.removeprefix("http://"), "names": [host]},
            "reload": {"last_good": str(folder / "last-good")},
            **config,
        }
        self._lives = ExitStack()
        self._server: Server | None = None
        self._program: Sequence[str] | None = None
        self.starts: list[float] = []
        """How long each start took until it said that it runs, s."""

    def goes_by(self, url: str) -> None:
        """Have it reach the database by another way, from its next start on."""
        self._config["store"] = url

    def becomes(self, program: Sequence[str]) -> None:
        """Have another release run, from its next start on."""
        self._program = program

    @property
    def server(self) -> Server:
        """The process that runs."""
        assert self._server is not None, f"{self.name} does not run"
        return self._server

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._server is not None

    @property
    def log(self) -> Path:
        """What all its processes said."""
        return self.folder / "server.log"

    def said(self, event: str) -> list[dict[str, Any]]:
        """What its log says of an event."""
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if f'"event":"{event}"' in line]

    def start(self) -> None:
        """Run it, and wait until it says that it runs."""
        assert self._server is None
        begin = time.monotonic()
        self._server = self._lives.enter_context(
            serve(self.folder, self._config, program=self._program)
        )
        self.starts.append(time.monotonic() - begin)

    def kill(self) -> None:
        """SIGKILL."""
        server, self._server = self.server, None
        server.kill()

    def stop(self) -> int:
        """SIGTERM, until it is gone; its exit status."""
        server, self._server = self.server, None
        return server.stop()

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.server.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.server.pid, signal.SIGCONT)

    def is_ready(self) -> bool:
        """Whether it would have a balancer send it phones."""
        with suppress(OSError), urllib.request.urlopen(f"{self.http}/readyz", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
        return False

    def set(self, presentity: str, feature: str, *, on: bool) -> None:
        """An operator switches a feature here."""
        answer = self.server.mi(
            "dfks_set_feature", presentity=presentity, feature=feature, status=int(on)
        )
        assert "result" in answer, answer

    def close(self) -> None:
        """Make sure that nothing of it runs."""
        if self._server is not None:
            with suppress(ProcessLookupError):
                self.resume()
        self._lives.close()


class Fleet:
    """Nodes of one database."""

    def __init__(
        self, folder: Path, url: str, count: int, hosts: Sequence[str] = (), **config: Any
    ) -> None:
        """Make the tables; nothing runs yet.

        Args:
            folder: for settings and logs.
            url: an empty database, or of one node, a file.
            count: how many nodes.
            hosts: address of each; none: all are at 127.0.0.1.
            config: settings of all of them, other than those that make them nodes.
        """
        if not is_file(url):
            asyncio.run(migrate(url))
        self.url = url
        self.nodes = [
            Node(f"node-{number}", folder / f"node-{number}", config, url, host)
            for number, host in enumerate(hosts or ["127.0.0.1"] * count, 1)
        ]

    def be_whole(self) -> None:
        """Have all run, and wait until each one serves."""
        for node in self.nodes:
            if not node.is_running:
                node.start()
        for node in self.nodes:
            happens(node.is_ready)

    def close(self) -> None:
        """End all."""
        for node in self.nodes:
            node.close()


@contextmanager
def fleet(folder: Path, url: str, count: int, **config: Any) -> Iterator[Fleet]:
    """Run nodes until the block ends; see `Fleet`."""
    one = Fleet(folder, url, count, **config)
    try:
        one.be_whole()
        yield one
    finally:
        one.close()


def happens(what: Callable[[], bool], within: float = WITHIN) -> float:
    """Wait until something is true; how long that took, s.

    Raises:
        AssertionError: it is not in time.
    """
    begin = time.monotonic()
    while not what():
        assert time.monotonic() - begin < within, what
        time.sleep(0.05)
    return time.monotonic() - begin


class Roamer(Ua):
    """A phone over UDP that asks one node after the other, and hears all of them."""

    def __init__(self, node: Node, aor: str | None = None) -> None:
        """Create it; it asks `node` until `goes_to`."""
        self._sources: dict[bytes, tuple[str, int]] = {}
        """Where each message came from."""
        self._to = node.sip
        self._highest = 0
        """The highest CSeq of a NOTIFY."""
        super().__init__(node.sip[1], aor)

    def goes_to(self, node: Node) -> None:
        """From now on it asks this one."""
        self._to = node.sip

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self.contact = "sip:phone@{}:{}".format(*self._socket.getsockname())
        self._buffer = b""

    def fileno(self) -> int:
        """Of its socket, for `select`."""
        return self._socket.fileno()

    def taken(self) -> list[Message]:
        """What came while it waited for something else; it is not answered yet."""
        taken, self._inbox = self._inbox, []
        return taken

    def send(self, data: bytes) -> None:
        """Send these bytes to the node that it asks."""
        self._socket.sendto(data, self._to)

    def read(self, deadline: float) -> bytes:
        """The next message, from whichever node.

        Raises:
            TimeoutError: none arrived by `deadline`, monotonic seconds.
        """
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        data, source = self._socket.recvfrom(65_535)
        self._sources[data] = source
        return data

    def answer(self, request: Message, status: int = 200) -> None:
        """Answer whoever sent it."""
        asks, self._to = self._to, self._sources[request.raw]
        super().answer(request, status)
        self._to = asks

    def source(self, message: Message) -> tuple[str, int]:
        """The address of the node that sent it."""
        return self._sources[message.raw]

    def notify(self, status: int | None = 200) -> Message:
        """The next NOTIFY whose CSeq is higher than all before; others are refused, as of a node
        that has the dialog no more (RFC 3261 §12.2.2).
        """
        while True:
            told = super().notify(None)
            if told.cseq > self._highest:
                break
            self.answer(told, 500)
        self._highest = told.cseq
        if status is not None:
            self.answer(told, status)
        return told

    def hears(self, feature: str, state: str) -> Message:
        """The first NOTIFY that tells a state of a feature; all until then are answered.

        Raises:
            TimeoutError: nothing more comes.
        """
        while (told := self.notify()).told.get(feature) != state:
            pass
        return told
