"""Nothing is lost: 120 phones, and a server that is killed, paused and kept from its disk.

`DFKS_TEST_NEMESIS_SECONDS=300 .venv/bin/pytest -m long tests/long/test_nemesis.py -s` does it for
five minutes; `NEMESIS_SEED` repeats the faults and what phones do, though not the moments at which
they meet, and `NEMESIS_FAULTS=kill,pause` chooses.
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

from tests.helpers.checker import Violation, check
from tests.helpers.history import Answered, Asked, Event, Over, Quiet
from tests.helpers.mutant import MUTANTS
from tests.helpers.nemesis import Victim, torment
from tests.helpers.server import ROOT
from tests.helpers.truth import told_after, truth_of
from tests.helpers.witness import Witness

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

SECONDS = float(os.environ.get("DFKS_TEST_NEMESIS_SECONDS", "75"))
MUTANT_SECONDS = 40.0
PRESENTITIES, PHONES_OF_EACH = 40, 3
PAIRS = 10
"""So many pairs of them are mirrored."""
MIRRORED = ("CallForwardingAlways", "CallForwardingBusy")
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
            feature = self._dice.choice(MIRRORED)
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


class _Run:
    """One run, and what came of it."""

    def __init__(self, folder: Path, seed: int, command: list[str] | None = None) -> None:
        self.dice = random.Random(seed)
        self.history: list[Event] = []
        self.victim = Victim(folder, _policies(folder), command)
        self.phones = [self._phone(number) for number in range(PRESENTITIES * PHONES_OF_EACH)]
        self.faults: list[tuple[float, float, str]] = []

    def _phone(self, number: int) -> Witness:
        transport, dice = "tcp" if number % 4 == 3 else "udp", random.Random(self.dice.random())
        aor = _aor(number % PRESENTITIES)
        return Witness(aor, self.victim.sip, transport, self.history, dice)

    async def suffer(self, seconds: float, only: set[str] | None) -> None:
        """Live through it."""
        victim, history = self.victim, self.history
        await victim.start()
        try:
            lives = [_life(phone, number) for number, phone in enumerate(self.phones)]
            async with _alive(*lives):
                operator = _Operator(victim, history, random.Random(self.dice.random()))
                async with _alive(operator.live()):
                    await asyncio.sleep(3)
                    self.faults = await torment(victim, seconds, self.dice, only)
                for phone in self.phones:
                    phone.is_calm = True
                await asyncio.gather(*(phone.is_idle() for phone in self.phones))
                history.append(Quiet(time.time()))
                await asyncio.sleep(BOUND + 1)
                history.append(Over(time.time()))
            await victim.stop()
        finally:
            await victim.end()
        history += truth_of(victim.store)
        refusals = [one for phone in self.phones for one in phone.refusals]
        lines = "\n".join(map(str, [*history, *self.faults, *refusals]))
        victim.log.with_name("history.txt").write_text(lines)

    def violations(self) -> list[Violation]:
        """What the checker finds."""
        pairs = [(_aor(2 * pair), _aor(2 * pair + 1)) for pair in range(PAIRS)]
        return check(self.history, mirrors=pairs, mirrored=MIRRORED, bound=BOUND, slack=0.1)

    def losses(self) -> Counter[str]:
        """Why subscriptions ended that should not have, and how often."""
        return Counter(why for phone in self.phones for why in phone.losses)

    def report(self) -> str:
        """What happened, in some lines."""
        kinds = Counter(type(event).__name__ for event in self.history)
        faults = Counter(name for *_, name in self.faults)
        statuses = sum((phone.statuses for phone in self.phones), Counter[int]())
        return (
            f"\nevents {dict(kinds)}\nfaults {dict(faults)}\nstatuses {dict(statuses)}\n"
            f"lost subscriptions {dict(self.losses())}; "
            f"slowest start {max(self.victim.starts):.2f} s\n{told_after(self.history)}\n"
        )


async def test_nothing_is_lost_whatever_happens_to_the_server(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """No answered set, no subscription, no change that a phone should have heard of."""
    seed = int(os.environ.get("NEMESIS_SEED", pytestconfig.option.hypothesis_seed))
    sys.stdout.write(f"NEMESIS_SEED={seed}\n")
    run, only = _Run(tmp_path, seed), os.environ.get("NEMESIS_FAULTS")
    await run.suffer(SECONDS, set(only.split(",")) if only else None)
    sys.stdout.write(run.report())
    violations = run.violations()
    text = "\n".join(map(str, violations[:20]))
    assert not violations, f"seed {seed}: {len(violations)}\n{text}"
    assert not run.losses()
    assert "Traceback" not in run.victim.log.read_text()


@pytest.mark.parametrize("what", sorted(MUTANTS))
async def test_the_checker_finds_a_server_that_lacks(
    what: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """What holds the promises is needed: without it, something is lost within a minute."""
    command = [sys.executable, "-m", "tests.helpers.mutant", what]
    run = _Run(tmp_path, int(pytestconfig.option.hypothesis_seed), command)
    await run.suffer(MUTANT_SECONDS, {"kill", "kill_soon_again"})
    sys.stdout.write(run.report())
    sys.stdout.write(f"{Counter(one.rule for one in run.violations())}\n")
    assert run.violations()
