"""Phones and an operator that live through whatever happens to a server, and what came of it."""

import asyncio
import json
import random
import time
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.checker import Violation, check
from tests.helpers.history import Answered, Asked, Event, Over, Quiet, Told
from tests.helpers.lines import Place
from tests.helpers.server import ROOT
from tests.helpers.truth import told_after
from tests.helpers.witness import Witness

PRESENTITIES, PHONES_OF_EACH = 40, 3
PAIRS = 10
"""So many pairs of them are mirrored."""
MIRRORED = ("CallForwardingAlways", "CallForwardingBusy")
BOUND = 10.0
"""Seconds in which every phone knows the newest state after the last fault: NOTIFYs are repeated
after 0.5, 1.5, 3.5 and 7.5 s."""
SELDOM = 0.01
"""How many of new subscriptions may hear no NOTIFY: both of those that they are sent are lost, or
fall into a time in which nothing comes.
"""
Fault = tuple[float, float, str]
"""When it began and ended, and what it was."""
_NUMBERS = count(1)


def aor_of(number: int) -> str:
    """The user with a number."""
    return f"sip:u{number}@nemesis.test"


def policies(folder: Path) -> list[str]:
    """The default policies, and one that keeps pairs equal."""
    rules = []
    for one, other in [
        (2 * pair + turn, 2 * pair + 1 - turn) for pair in range(PAIRS) for turn in (0, 1)
    ]:
        for feature in MIRRORED:
            follow: dict[str, Any] = {
                "feature": feature,
                "user": f"u{other}",
                "status": "request",
            }
            if feature != "DoNotDisturb":
                follow["values"] = {"forwardTo": {"from": "request.forwardTo"}}
            when = {
                "op": "set",
                "feature": feature,
                "user": f"u{one}",
                "origin": {"ne": "internal"},
            }
            rules.append(
                {
                    "id": f"{feature.lower()}-{one}",
                    "when": when,
                    "then": {"also": [follow]},
                }
            )
    policy = {
        "apiVersion": "dfks/v1",
        "kind": "Policy",
        "metadata": {"name": "mirrors"},
        "rules": rules,
    }
    (folder / "mirrors.yaml").write_text(yaml.safe_dump(policy))
    return [str(ROOT / "policies/default"), str(folder / "mirrors.yaml")]


class Operator:
    """Sets features by MI, and keeps what came of it."""

    def __init__(self, url: Callable[[], str], history: list[Event], dice: random.Random) -> None:
        """`url` gives where MI is to be asked next."""
        self._url = url
        self._history, self._dice = history, dice

    async def live(self) -> None:
        """Set something every quarter of a second, until it is cancelled."""
        while True:
            number = next(_NUMBERS)
            presentity, target = (
                aor_of(self._dice.randrange(PRESENTITIES)),
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
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "dfks_set_feature",
            "params": params,
        }
        request = urllib.request.Request(  # noqa: S310 - the address is our own server's
            self._url(), json.dumps(call).encode(), {"Content-Type": "application/json"}
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


class Ordeal(ABC):
    """One run, and what came of it."""

    bound = BOUND
    """Seconds from the last fault until every phone must know the newest state."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        servers: Sequence[tuple[str, int]],
        place: Place = Place(),  # noqa: B008 - it is frozen
    ) -> None:
        """Make the phones.

        Args:
            folder: for the history.
            seed: of what phones do, and of the faults.
            servers: addresses that phones know.
            place: where phones are.
        """
        self.dice = random.Random(seed)
        self.history: list[Event] = []
        self.faults: list[Fault] = []
        self._folder, self._servers, self._place = folder, servers, place
        self.phones = [self._phone(number) for number in range(PRESENTITIES * PHONES_OF_EACH)]

    def _phone(self, number: int) -> Witness:
        transport, dice = (
            "tcp" if number % 4 == 3 else "udp",
            random.Random(self.dice.random()),
        )
        aor = aor_of(number % PRESENTITIES)
        return Witness(aor, self._servers, transport, self.history, dice, self._place)

    @abstractmethod
    async def begin(self) -> None:
        """Have the server run."""

    @abstractmethod
    async def torment(self, seconds: float) -> list[Fault]:
        """Do one thing after the other to it; in the end it runs."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop it as planned."""

    @abstractmethod
    async def end(self) -> None:
        """Make sure that nothing of it runs."""

    @abstractmethod
    def url(self) -> str:
        """Where MI is."""

    @abstractmethod
    def truth(self) -> Iterable[Event]:
        """What is stored, once it has stopped."""

    async def suffer(self, seconds: float) -> None:
        """Live through it."""
        history = self.history
        try:
            await self.begin()
            lives = [_life(phone, number) for number, phone in enumerate(self.phones)]
            async with _alive(*lives):
                operator = Operator(self.url, history, random.Random(self.dice.random()))
                async with _alive(operator.live()):
                    await asyncio.sleep(3)
                    self.faults = await self.torment(seconds)
                for phone in self.phones:
                    phone.is_calm = True
                await asyncio.gather(*(phone.is_idle() for phone in self.phones))
                history.append(Quiet(time.time()))
                await asyncio.sleep(self.bound + 1)
                history.append(Over(time.time()))
            await self.stop()
            history += self.truth()
        finally:
            await self.end()
            refusals = [one for phone in self.phones for one in phone.refusals]
            lines = "\n".join(map(str, [*history, *self.faults, *refusals]))
            (self._folder / "history.txt").write_text(lines)

    def violations(self) -> list[Violation]:
        """What the checker finds."""
        pairs = [(aor_of(2 * pair), aor_of(2 * pair + 1)) for pair in range(PAIRS)]
        several = len(self._servers) > 1
        return check(
            self.history,
            mirrors=pairs,
            mirrored=MIRRORED,
            bound=self.bound,
            slack=0.1,
            several=several,
        )

    def losses(self) -> Counter[str]:
        """Why subscriptions ended that should not have, and how often."""
        losses = Counter(why for phone in self.phones for why in phone.losses)
        unheard, dialogs = (
            sum(getattr(phone, name) for phone in self.phones) for name in ("unheard", "dialogs")
        )
        if unheard > 2 + SELDOM * dialogs:
            losses["no NOTIFY after a SUBSCRIBE"] = unheard
        return losses

    def report(self) -> str:
        """What happened, in some lines."""
        kinds = Counter(type(event).__name__ for event in self.history)
        faults = Counter(name for *_, name in self.faults)
        statuses = sum((phone.statuses for phone in self.phones), Counter[int]())
        late = sum(not one.taken for one in self.history if isinstance(one, Told))
        unheard = sum(phone.unheard for phone in self.phones)
        return (
            f"\nevents {dict(kinds)}\nfaults {dict(faults)}\nstatuses {dict(statuses)}\n"
            f"NOTIFYs refused or repeated {late}; lost subscriptions {dict(self.losses())},"
            f" without a first NOTIFY {unheard}\n"
            f"{told_after(self.history)}\n"
        )
