"""Nothing is lost: 120 phones, and a server that is killed, paused and kept from its disk.

`NEMESIS_SECONDS=300 .venv/bin/pytest -m long tests/long/test_nemesis.py -s` does it for five
minutes; `NEMESIS_SEED` repeats the faults and what phones do, though not the moments at which they
meet, and `NEMESIS_FAULTS=kill,pause` chooses.
"""

import asyncio
import json
import os
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.checker import check
from tests.helpers.history import Answered, Asked, Event, Over, Quiet
from tests.helpers.nemesis import Victim, torment
from tests.helpers.server import ROOT
from tests.helpers.truth import truth_of
from tests.helpers.witness import Witness

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

SECONDS = float(os.environ.get("NEMESIS_SECONDS", "75"))
PRESENTITIES, PHONES_OF_EACH = 40, 3
PAIRS = 10
"""So many pairs of them are mirrored."""
MIRRORED = ("DoNotDisturb", "CallForwardingAlways")
BOUND = 10.0
"""Seconds in which every phone knows the newest state after the last fault: NOTIFYs are repeated
after 0.5, 1.5, 3.5 and 7.5 s."""
_NUMBERS = count(1)


def _aor(number: int) -> str:
    return f"sip:u{number}@nemesis.test"


def _policies(folder: Path) -> list[str]:
    """The default policies, and one that keeps pairs equal."""
    rules = []
    for one, other in [
        (2 * pair + turn, 2 * pair + 1 - turn) for pair in range(PAIRS) for turn in (0, 1)
    ]:
        for feature in MIRRORED:
            follow: dict[str, Any] = {"feature": feature, "user": f"u{other}", "status": "request"}
            if feature != "DoNotDisturb":
                follow["values"] = {"forwardTo": {"from": "request.forwardTo"}}
            when = {
                "op": "set",
                "feature": feature,
                "user": f"u{one}",
                "origin": {"ne": "internal"},
            }
            rules.append(
                {"id": f"{feature.lower()}-{one}", "when": when, "then": {"also": [follow]}}
            )
    policy = {
        "apiVersion": "dfks/v1",
        "kind": "Policy",
        "metadata": {"name": "mirrors"},
        "rules": rules,
    }
    (folder / "mirrors.yaml").write_text(yaml.safe_dump(policy))
    return [str(ROOT / "policies/default"), str(folder / "mirrors.yaml")]


class _Operator:
    """Sets features by MI, and keeps what came of it."""

    def __init__(self, victim: Victim, history: list[Event], dice: random.Random) -> None:
        self._url = f"http://127.0.0.1:{victim.mi_port}/mi"
        self._history, self._dice = history, dice

    async def live(self) -> None:
        """Set something every quarter of a second, until it is cancelled."""
        while True:
            number = next(_NUMBERS)
            presentity, target = (
                _aor(self._dice.randrange(PRESENTITIES)),
                f"sip:m{number}@nemesis.test",
            )
            feature = self._dice.choice(["CallForwardingAlways", "CallForwardingBusy"])
            states = {feature: f"on {target}"}
            self._history.append(Asked(time.time(), f"mi {number}", presentity, states))
            params = [presentity, feature, 1, "", [f"forwardTo/{target}"]]
            status = await asyncio.to_thread(self._call, params)
            self._history.append(Answered(time.time(), f"mi {number}", status))
            await asyncio.sleep(0.25)

    def _call(self, params: list[Any]) -> int:
        """200 when it is stored, anything else when it perhaps is."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "dfks_set_feature", "params": params}
        request = urllib.request.Request(  # noqa: S310 - the address is our own server's
            self._url, json.dumps(call).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return 200 if json.load(response).get("result") == "OK" else 500
        except OSError:
            return 0


@asynccontextmanager
async def _alive(*lives: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(life) for life in lives]
    try:
        yield
        for task in tasks:
            assert not task.done() or task.exception() is None, task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _life(phone: Witness, number: int) -> Any:
    """Of three phones of a user two press keys, and one listens only."""
    if number < 2 * PRESENTITIES:
        return phone.live(expires=phone.dice.choice([60, 120, 600]))
    # A few subscriptions expire: nobody refreshes them.
    return phone.live(expires=60 if number % 8 == 0 else 3600, every=float("inf"))


async def _suffer(victim: Victim, seed: int) -> tuple[list[Event], list[Witness]]:
    """The history of a run, and its phones."""
    dice = random.Random(seed)
    history: list[Event] = []
    phones = [
        Witness(
            _aor(number % PRESENTITIES), victim.sip, "tcp" if number % 4 == 3 else "udp", history,
            random.Random(dice.random()),
        )
        for number in range(PRESENTITIES * PHONES_OF_EACH)
    ]  # fmt: skip
    only = os.environ.get("NEMESIS_FAULTS")
    await victim.start()
    try:
        async with _alive(*(_life(phone, number) for number, phone in enumerate(phones))):
            operator = _Operator(victim, history, random.Random(dice.random()))
            async with _alive(operator.live()):
                await asyncio.sleep(3)
                done = await torment(victim, SECONDS, dice, set(only.split(",")) if only else None)
            for phone in phones:
                phone.is_calm = True
            history.append(Quiet(time.time()))
            await asyncio.sleep(BOUND + 1)
            history.append(Over(time.time()))
        await victim.stop()
    finally:
        await victim.end()
    _report(history, phones, victim, done)
    return history, phones


def _report(
    history: list[Event],
    phones: list[Witness],
    victim: Victim,
    done: list[tuple[float, float, str]],
) -> None:
    kinds = Counter(type(event).__name__ for event in history)
    faults = Counter(name for *_, name in done)
    statuses = sum((phone.statuses for phone in phones), Counter[int]())
    losses = Counter(why for phone in phones for why in phone.losses)
    sys.stdout.write(
        f"\nevents {dict(kinds)}\nfaults {dict(faults)}\nstatuses {dict(statuses)}\n"
        f"lost subscriptions {dict(losses)}; slowest start {max(victim.starts):.2f} s\n"
    )


async def test_nothing_is_lost_whatever_happens_to_the_server(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """No answered set, no subscription, no change that a phone should have heard of."""
    seed = int(os.environ.get("NEMESIS_SEED", pytestconfig.option.hypothesis_seed or 0))
    sys.stdout.write(f"NEMESIS_SEED={seed}\n")
    victim = Victim(tmp_path, _policies(tmp_path))
    history, phones = await _suffer(victim, seed)
    history += truth_of(victim.store)
    pairs = [(_aor(2 * pair), _aor(2 * pair + 1)) for pair in range(PAIRS)]
    violations = check(history, mirrors=pairs, mirrored=MIRRORED, bound=BOUND, slack=0.1)
    assert not violations, f"seed {seed}: {len(violations)}\n" + "\n".join(
        map(str, violations[:20])
    )
    assert [why for phone in phones for why in phone.losses] == []
    assert "Traceback" not in victim.log.read_text()
