"""kill -9 with many subscriptions: `python -m bench.restart [SUBSCRIPTIONS [--stop]]`.

Phones subscribe, the server is killed (`--stop`: SIGTERM) and started at once. Prints JSON: when it
answered first, when it answered a refresh in the dialog of the phone that had subscribed first,
whose row is read last, when all were loaded, how soon a watcher that does nothing hears of a
change, what NOTIFYs came that nobody needed, and the memory before and after. Times are
seconds from the start of the new process, which includes that of Python.
"""

import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.load import Phones, answer
from bench.memory import TRANSACTIONS_END
from bench.server import RESULTS, Served, resident_bytes

SUBSCRIPTIONS = 100_000
WINDOW = 64
_OPTIONS = (
    b"OPTIONS sip:u0@bench.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%d\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:u0@bench.test>;tag=o\r\nTo: <sip:u0@bench.test>\r\n"
    b"Call-ID: o-%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
_CALL_ID = re.compile(rb"\r\nCall-ID: ([0-9]+)-")


class _Listener(threading.Thread):
    """Answers NOTIFYs, and notes when which phone got what."""

    def __init__(self, phones: Phones) -> None:
        super().__init__(daemon=True)
        self._phones = phones
        self._is_over = threading.Event()
        self.told: dict[int, list[float]] = {}
        """Phone → when it was told something."""
        self.answered: dict[int, float] = {}
        """Phone → when its SUBSCRIBE was answered by 200."""

    def run(self) -> None:
        """Listen until it is ended."""
        sock = self._phones.socket
        sock.settimeout(0.2)
        while not self._is_over.is_set():
            try:
                data = sock.recv(65_535)
                found, now = _CALL_ID.search(data), time.monotonic()
                assert found is not None
                if data.startswith(b"NOTIFY"):
                    sock.send(answer(data))
                    self.told.setdefault(int(found[1]), []).append(now)
                else:
                    assert data.startswith(b"SIP/2.0 200"), data
                    self.answered.setdefault(int(found[1]), now)
            except OSError:  # Nothing came, or the server is not there.
                continue

    def end(self) -> None:
        """Listen no more."""
        self._is_over.set()
        self.join()


def first_answer(server: tuple[str, int]) -> float:
    """When a server that starts answers OPTIONS for the first time, monotonic seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(server)
        phone.settimeout(0.01)
        port, number = phone.getsockname()[1], time.time_ns()
        while True:
            number += 1
            try:
                phone.send(_OPTIONS % (port, number, number))
                phone.recv(65_535)
            except TimeoutError:
                continue
            except OSError:
                time.sleep(0.002)
                continue
            return time.monotonic()


def statistics(mi: tuple[str, int]) -> dict[str, int]:
    """All counters of a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as operator:
        operator.connect(mi)
        operator.settimeout(10)
        call = {"jsonrpc": "2.0", "id": 1, "method": "get_statistics", "params": [["all"]]}
        operator.send(json.dumps(call).encode())
        result = json.loads(operator.recv(65_535))["result"]
    return {name: int(value) for name, value in result.items()}


def set_dnd(mi: tuple[str, int], user: str) -> None:
    """Switch do not disturb on as an operator."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as operator:
        operator.connect(mi)
        params = [f"sip:{user}@bench.test", "DoNotDisturb", 1]
        call = {"jsonrpc": "2.0", "id": 1, "method": "dfks_set_feature", "params": params}
        operator.send(json.dumps(call).encode())
        operator.settimeout(10)
        operator.recv(65_535)


def measure(folder: Path, subscriptions: int, sign: signal.Signals) -> dict[str, object]:
    """Subscribe, kill, start, watch."""
    sip = f"127.0.0.1:{_free_port()}"
    with Served(folder, sip=sip) as served:
        phones = Phones(served.sip)
        begin = time.monotonic()
        phones.run(
            (phones.message(n, 1, users=subscriptions) for n in range(subscriptions)), WINDOW
        )
        subscribed = time.monotonic() - begin
        time.sleep(TRANSACTIONS_END)
        before = resident_bytes(served.pid)
        listener = _Listener(phones)
        listener.start()
        stopping = time.monotonic()
        os.kill(served.pid, sign)
        served.process.wait()
        stopped = time.monotonic() - stopping
    return {
        "subscriptions": subscriptions,
        "subscribed_s": round(subscribed, 2),
        "stop_s": round(stopped, 2),
        **_second_life(folder, sip, phones, listener, subscriptions),
        "rss_before_mb": round(before / 1e6, 1),
        "store_mb": round(sum(one.stat().st_size for one in folder.glob("dfks.db*")) / 1e6, 1),
    }


def _second_life(
    folder: Path, sip: str, phones: Phones, listener: _Listener, subscriptions: int
) -> dict[str, object]:
    """Start the server again, and see how soon it is what it was."""
    host, _, port = sip.partition(":")
    times: dict[str, float] = {}
    begin = time.monotonic()
    first = threading.Thread(
        target=lambda: times.update(first=first_answer((host, int(port))) - begin)
    )
    first.start()
    with Served(folder, sip=sip) as served:
        times["banner"] = time.monotonic() - begin
        message = phones.message(0, 2, users=subscriptions)
        while 0 not in listener.answered:
            try:
                phones.socket.send(message)
            except OSError:
                continue
            time.sleep(0.01)
        times["refresh"] = listener.answered[0] - begin
        while (counters := statistics(served.mi))[LOADED] < subscriptions:
            assert time.monotonic() - begin < 120, counters
            time.sleep(0.02)
        times["all_loaded"] = time.monotonic() - begin
        loaded = resident_bytes(served.pid)
        first.join()
        time.sleep(2)
        needless = sum(map(len, listener.told.values())) - len(listener.told.get(0, ()))
        watcher = subscriptions // 2
        asked = time.monotonic()
        set_dnd(served.mi, f"u{watcher}")
        while watcher not in listener.told:
            assert time.monotonic() - asked < 30
            time.sleep(0.001)
        times["change_told_after"] = listener.told[watcher][0] - asked
        listener.end()
    return {
        **{name: round(seconds, 3) for name, seconds in sorted(times.items())},
        "needless_notifys": needless,
        "rss_loaded_mb": round(loaded / 1e6, 1),
    }


LOADED = "presence:rows_restored"
"""The counter of subscriptions that the server has taken over."""


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def main() -> None:
    """Measure, and print JSON."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sign = signal.SIGTERM if "--stop" in sys.argv else signal.SIGKILL
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        found = measure(Path(folder), (numbers or [SUBSCRIPTIONS])[0], sign)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
