"""The clock strikes for everybody: `python -m bench.strikes [FORWARDS [PHONES]]`.

FORWARDS (3,000) users forward their calls until the same minute, each watched by a phone. Then, on
another server, PHONES (20,000) are subscribed, and a night service lights the keys of every second
one at the same minute. Prints how long it took until all were told, how many were told what, how
late the loop was, and how long a phone waited that went on setting a feature all the while.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from bench.figures import SET_FORWARDING, WINDOW
from bench.lateness import late
from bench.load import Phones, answer, number_of
from bench.server import RESULTS, Served
from bench.stop import spread

FORWARDS, PHONES = 3_000, 20_000
AHEAD = 45
"""Seconds, at least, until the clock strikes: they must do to subscribe everybody."""
BEFORE, AFTER = 10, 20
"""Seconds around the strike for which a phone sets something, and the loop is looked at."""
RATE = 20
"""How often it does, a second."""
PROBE = 90_000_001
"""The number of that phone, whose forwards do not end."""
ALL = 10**9
"""More users than phones: each has its own."""
ENDS = f"""\
  - id: ends
    when: {{op: set, feature: CallForwardingAlways, request.status: 1, user: {{ne: u{PROBE}}}}}
    then: {{expire: {{until: "%s", tz: UTC}}}}
"""
LIGHTS = """\
  - id: lights
    when: {op: get, feature: DoNotDisturb, user: {suffix: ["1", "3", "5", "7", "9"]},
      time: {during: night}}
    then: {status: 1}
"""
TOP = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: strikes}
schedules: {night: {tz: UTC, weekly: ["Daily %s-%s"]}}
rules:
"""

_CSEQ = re.compile(rb"\r\nCSeq: (\d+) ")


def probe(server: tuple[str, int], until: float) -> list[tuple[float, float]]:
    """When each set was sent, s since 1970, and how long its answer took, ms."""
    phones, found = Phones(server), []
    phones.run([phones.message(PROBE, 1, users=ALL)], 1)
    for cseq in count(2):
        begun = time.time()
        if begun > until:
            break
        phones.socket.send(phones.message(PROBE, cseq, SET_FORWARDING % cseq, users=ALL))
        while not (data := phones.socket.recv(65_535)).startswith(b"SIP/2.0"):
            phones.socket.send(answer(data))
        assert data.startswith(b"SIP/2.0 200"), data
        found.append((begun, (time.time() - begun) * 1e3))
        time.sleep(max(0.0, begun + 1 / RATE - time.time()))
    phones.close()
    return found


def messages(phones: Phones, many: int, *, forwards: bool) -> Iterator[bytes]:
    """The SUBSCRIBEs of all; then each forwards, where they do."""
    for number in range(many):
        yield phones.message(number, 1, users=ALL)
    for number in range(many if forwards else 0):
        yield phones.message(number, 2, SET_FORWARDING % number, users=ALL)


def measure(served: Served, many: int, strikes: float, *, forwards: bool) -> dict[str, Any]:
    """Subscribe, wait for the strike, and see who is told what."""
    phones = Phones(served.sip)
    phones.run(messages(phones, many, forwards=forwards), WINDOW)
    assert time.time() < strikes - BEFORE, "it took too long: raise AHEAD"
    told: dict[int, float] = {}
    seen: set[tuple[int, bytes]] = set()
    again = 0
    with ProcessPoolExecutor(1) as other:
        time.sleep(max(0.0, strikes - BEFORE - time.time()))
        before = late(served)
        waits = other.submit(probe, served.sip, strikes + AFTER)
        phones.socket.settimeout(0.1)
        while time.time() < strikes + AFTER:
            try:
                data = phones.socket.recv(65_535)
            except TimeoutError:
                continue
            phones.socket.send(answer(data))
            cseq = _CSEQ.search(data)
            assert cseq is not None
            if (number_of(data), cseq[1]) in seen:
                continue  # It was repeated, as its answer took long.
            seen.add((number_of(data), cseq[1]))
            again += number_of(data) in told
            told.setdefault(number_of(data), time.time() - strikes)
        answered = waits.result()
        after = late(served)
    phones.close()
    looks = {bound: number - before.get(bound, 0) for bound, number in after.items()}
    moments = sorted(told.values())
    is_over = strikes + moments[-1]
    return {
        "phones": many,
        "told": len(told),
        "again": again,
        "told_s": {"first": round(moments[0], 2), "last": round(moments[-1], 2)},
        "set_ms_meanwhile": spread([ms for at, ms in answered if strikes <= at <= is_over]),
        "set_ms_else": spread([ms for at, ms in answered if not strikes <= at <= is_over]),
        "looks": looks[float("inf")],
        "looks_late_by_at_most_s": looks,
    }


def run(many: int, *, forwards: bool, tree: Path | None = None) -> dict[str, Any]:
    """Measure a server of its own, or one of another checkout."""
    strikes = (time.time() + AHEAD) // 60 * 60 + 60
    at, end = (
        datetime.fromtimestamp(one, UTC).strftime("%H:%M") for one in (strikes, strikes + 600)
    )
    with tempfile.TemporaryDirectory(dir=RESULTS) as name:
        folder = Path(name)
        rules = ENDS % at if forwards else LIGHTS
        (folder / "policies").mkdir()
        (folder / "policies/strikes.yaml").write_text(TOP % (at, end) + rules, encoding="utf-8")
        more = 'http: {listen: "127.0.0.1:0"}\n'
        with Served(folder, folder / "policies", more, tree=tree) as served:
            return measure(served, many, strikes, forwards=forwards)


def main() -> None:
    """Measure both, and print JSON."""
    given = list(map(int, sys.argv[1:]))
    forwards, phones = (*given, *(FORWARDS, PHONES)[len(given) :])
    RESULTS.mkdir(exist_ok=True)
    result = {"forwards": run(forwards, forwards=True), "lights": run(phones, forwards=False)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
