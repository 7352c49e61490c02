"""Verdicts on their way from one process to the other."""

import asyncio
import pickle
import sys

import pytest

from dfks_rules.app.desk.arriving import PORTION, Verdict, arrived, departing
from dfks_rules.errors import Finding
from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

USERS = 3 * PORTION
POLICY = source("- {id: r, when: {groups: {has: sales}}, then: {log: x}}")
CSV = "user,domain,groups,role,numbers\n" + "".join(
    f"u{n},a.example,sales,,+4930{n:07} {n + 100}\n" for n in range(USERS)
)


def verdict() -> Verdict:
    """Policies, and many users."""
    return Verdict([], compile_policies([POLICY, Source("users.csv", CSV)]))


async def test_what_arrives_is_what_departed() -> None:
    """With all users and numbers, wherever they are looked up."""
    sent = verdict().compiled
    assert sent is not None
    came = (await arrived(b"".join(departing(verdict())))).compiled
    assert came is not None
    assert (came.rules, came.revision) == (sent.rules, sent.revision)
    assert len(came.site.directory) == USERS
    last = Aor(f"u{USERS - 1}", "a.example")
    assert came.site.directory.groups_of(last) == ("sales",)
    assert came.site.directory.numbers_of(last) == sent.site.directory.numbers_of(last)
    analysed = came.site.targets.analyse(str(USERS + 99), Aor("u0", "a.example"))
    assert analysed.aor == last


async def test_others_have_their_turn_between_portions() -> None:
    """Users, then numbers: two of each user."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    usual = sys.getswitchinterval()
    await arrived(b"".join(departing(verdict())))
    other.cancel()
    assert turns >= 9
    assert sys.getswitchinterval() == usual


async def test_findings_arrive_without_policies() -> None:
    """There is nobody to take apart."""
    sent = Verdict([Finding("p.yaml", 1, 2, "policy_yaml", "no")], None)
    assert await arrived(b"".join(departing(sent))) == sent


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage",
        pickle.dumps(7),
        pickle.dumps((7, 0)),
        b"".join([*departing(verdict())][:-1]),
        b"".join(departing(verdict()))[:-5],
    ],
    ids=["nothing", "garbage", "number", "pair", "less", "half"],
)
async def test_anything_else_is_refused(answer: bytes) -> None:
    """Half a directory would let people do what they may not."""
    with pytest.raises(ValueError, match=r"."):
        await arrived(answer)
