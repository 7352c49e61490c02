"""Reloads under constant load, with every decision checked."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from dfks_rules.app.desk.policies import read_files
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.config.settings import ReloadSettings
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.deciding.compiled import revision_of
from dfks_rules.policy.facts.view import NOWHERE
from tests.helpers.policy import NOON

DOMAINS = [f"t{n}.example" for n in range(3)]

AGENTS = 3_001
"""Number of different User-Agents; prime, so that each asks about everything."""
DECIDERS = 4
"""Number of tasks that decide continuously."""
PAUSE = 0.005
"""Seconds between a task's bursts. Without pauses, threads that wait for the interpreter, such as
those that read and write files, might never get it from the busy loop."""


class Tally(NamedTuple):
    """The result of a run."""

    reloads: int
    """Number of revisions activated."""
    decisions: int
    """Number of decisions made meanwhile."""
    wrong: int
    """Number of decisions that differ from what the revision they carry says."""


def settings(folder: Path) -> ReloadSettings:
    """Settings under which nothing reloads by itself."""
    return ReloadSettings(watch=False, poll=False, keep=5, last_good=folder / "last_good.json")


def write_tenants(folder: Path, word: str, rules: int) -> str:
    """Write policies for three domains; in the first, sets of `u0` are refused with this word.

    Returns:
        The revision.
    """
    folder.mkdir(exist_ok=True)
    for number, domain in enumerate(DOMAINS):
        lines = [
            f"  - {{id: r{n}, when: {{op: set, user: u{n}, userAgent: {{prefix: x}}}}, "
            f"then: {{deny: {word if number == 0 else 'constant'}}}}}"
            for n in range(rules)
        ]
        (folder / f"{domain}.yaml").write_text(
            f"apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: t{number}}}\n"
            f"scope: {{domain: {domain}}}\nrules:\n" + "\n".join(lines) + "\n"
        )
    return revision_of(read_files([folder]).sources)


async def reload_under_load(
    policies: PolicyReloader, folder: Path, reloads: int, *, rules: int, word: str
) -> Tally:
    """Reload repeatedly while tasks decide.

    Args:
        policies: started on `folder`, which `write_tenants` has filled.
        folder: the folder they are read from.
        reloads: number of reloads.
        rules: number of rules in each domain.
        word: what `write_tenants` was given last.
    """
    words = {policies.live.active.revision: word}
    wrong = decisions = 0
    stopping = asyncio.Event()

    async def decide(number: int) -> None:
        nonlocal wrong, decisions
        turn = number
        while not stopping.is_set():
            for _ in range(20):
                turn += DECIDERS
                domain = DOMAINS[turn % len(DOMAINS)]
                # Each revision gets thousands of different questions, so that the engine has to
                # answer.
                agent = f"x{turn % AGENTS}"
                who = Requester(Origin.WATCHER, Aor("u0", domain), user_agent=agent)
                request = FeatureRequest(
                    Operation.SET, Aor("u0", domain), who, FEATURES[turn % 4], FeatureState(True)
                )
                decision = policies.live.decide(request, NOTHING_STORED, NOON, NOWHERE)
                expected = words[decision.revision] if domain == DOMAINS[0] else "constant"
                wrong += decision.denial is None or decision.denial.reason != expected
                decisions += 1
            await asyncio.sleep(PAUSE)

    tasks = [asyncio.create_task(decide(number)) for number in range(DECIDERS)]
    done = 0
    for number in range(reloads):
        word = f"w{number}"
        words[write_tenants(folder, word, rules)] = word
        done += (await policies.reload("operator")).changed
    stopping.set()
    await asyncio.gather(*tasks)
    return Tally(done, decisions, wrong)
