"""A real server on a machine whose disk and clock fail as told, and what its phones see."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.faults import Machine, wait_until
from tests.helpers.server import Server, serve
from tests.helpers.ua import Message, Ua, forward

ALICE = "sip:alice@example.com"
Break = Callable[[Machine], AbstractContextManager[None]]


class Site:
    """A machine and its servers, one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(folder)
        self.database = self.machine.disk / "dfks.db"
        self.config: dict[str, Any] = {"store": f"sqlite:{self.database}"}

    @contextmanager
    def server(self) -> Iterator[Server]:
        """A server on this machine."""
        with serve(self.folder, self.config, environment=self.machine.environment) as server:
            yield server

    def log(self) -> list[dict[str, Any]]:
        """What the servers have logged."""
        lines = (self.folder / "server.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def last_line(self) -> str:
        """What a server that does not start has said last."""
        return (self.folder / "server.log").read_text().splitlines()[-1]

    def reasons(self, event: str) -> list[str]:
        """Why, for each such line of the log."""
        return [line["reason"] for line in self.log() if line["event"] == event]

    def says(self, why: str) -> None:
        """Return once the log says why requests fail; lines are written a moment late."""
        wait_until(lambda: any(why in reason for reason in self.reasons("store_failed")))


def target(server: Server, aor: str = ALICE) -> int:
    """The number to which the presentity's calls go, as the server tells a phone; 0: never set."""
    with Ua(server.ports["udp"], aor) as phone:
        told = phone.subscribe(expires=0).told["CallForwardingAlways"]
        return int(told.removeprefix("on ")) if told != "off" else 0


def press(phone: Ua, number: int) -> Message:
    """Set the number to which calls go; gives the response, and takes the NOTIFY of a 200."""
    response = phone.exchange(body=forward(True, str(number)))
    if response.status == 200:
        phone.accepted(response)
        phone.notify()
    return response


def is_refused(response: Message) -> bool:
    """Whether the phone is told to try again later."""
    return response.status == 503 and int(response.headers["retry-after"]) > 0


def counted(server: Server, name: str = "features:failures") -> int:
    """A statistic; by default the requests that failed because of the store."""
    count: int = server.mi("get_statistics", statistics=[name])["result"][name]
    return count


def person(number: int) -> str:
    """Address of one of those who are in a filled store."""
    return f"sip:p{number:06}@example.com"


def user_of(aor: str) -> str:
    """The user of an address."""
    return aor.removeprefix("sip:").partition("@")[0]


def fill(site: Site, people: int) -> None:
    """More states than SQLite keeps in memory: calls of each go to its own number."""
    with site.server() as server:
        assert server.stop() == 0
    with closing(sqlite3.connect(site.database)) as connection, connection:
        users = [(user_of(person(number)), number) for number in range(people)]
        connection.executemany(
            "INSERT INTO presentity (user, domain, revision) VALUES (?, 'example.com', 1)",
            [(user,) for user, _ in users],
        )
        connection.executemany(
            "INSERT INTO feature_state (user, domain, feature, status, feature_values, changed_at)"
            " VALUES (?, 'example.com', 'CallForwardingAlways', 1, ?, '2026-01-01T00:00:00.000Z')",
            [(user, json.dumps({"forwardTo": str(number)})) for user, number in users],
        )
