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
from bench.probe import LOADED, first_answer, free_port, statistics
from bench.server import RESULTS, Served, resident_bytes

SUBSCRIPTIONS = 100_000
WINDOW = 64
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
    port = free_port()
    with Served(folder, sip=_listening(port)) as served:
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
        **_second_life(folder, port, phones, listener, subscriptions),
        "rss_before_mb": round(before / 1e6, 1),
        "store_mb": round(sum(one.stat().st_size for one in folder.glob("dfks.db*")) / 1e6, 1),
    }


def _listening(port: int) -> str:
    """Settings of SIP."""
    return f'listen: ["udp:127.0.0.1:{port}"]'


def _second_life(
    folder: Path, port: int, phones: Phones, listener: _Listener, subscriptions: int
) -> dict[str, object]:
    """Start the server again, and see how soon it is what it was."""
    times: dict[str, float] = {}
    begin = time.monotonic()
    first = threading.Thread(
        target=lambda: times.update(first=first_answer(("127.0.0.1", port)) - begin)
    )
    first.start()
    with Served(folder, sip=_listening(port)) as served:
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
