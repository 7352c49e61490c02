"""Answers to questions for DNS."""

import asyncio
import contextlib
import gc
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfks_rules.sip.target import Found, Question, RecordType
from dfks_rules.transport import dns as module
from dfks_rules.transport.dns import GRACE, MAX_AT_ONCE, MAX_WAITING, Dns
from dfks_rules.transport.hosts_file import HostsFile
from dfks_rules.transport.resolver import Answer
from tests.helpers.transports import until

_LIVE = Question("live.example", RecordType.A)


class _Asked:
    """A server that answers what lives, and leaves the rest unanswered."""

    def __init__(self, hosts: Path) -> None:
        self.questions: list[Question] = []
        self.ttl = 60.0
        self.dns = Dns(self._ask, HostsFile(hosts))

    async def _ask(self, question: Question) -> Answer:
        self.questions.append(question)
        if "dead" in question.name:
            await asyncio.Event().wait()
        if "slow" in question.name:
            await asyncio.sleep(2 * GRACE)
        return Answer(("192.0.2.7",), self.ttl)

    def flood(self, count: int, domain: str = "dead.example") -> list[asyncio.Task[Found]]:
        """Ask for dead names."""
        loop = asyncio.get_running_loop()
        questions = (Question(f"n{number}.{domain}", RecordType.A) for number in range(count))
        return [loop.create_task(self.dns.find(one)) for one in questions]


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[_Asked]:
    """One, closed at the end."""
    file = tmp_path / "hosts"
    file.write_text("192.0.2.50 proxy\n2001:db8::50 proxy\n")
    one = _Asked(file)
    yield one
    one.dns.close()


async def test_equal_questions_are_asked_once(asked: _Asked) -> None:
    """Also those that come while the answer is under way."""
    found = await asyncio.gather(*(asked.dns.find(_LIVE) for _ in range(10)))
    assert found == [("192.0.2.7",)] * 10
    assert await asked.dns.find(_LIVE) == ("192.0.2.7",)
    assert asked.questions == [_LIVE]
    assert (asked.dns.counts["lookups"], asked.dns.counts["lookups_cached"]) == (1, 1)


async def test_answer_that_no_longer_holds_is_asked_for_again(asked: _Asked) -> None:
    """One of 0 s is for those who asked."""
    asked.ttl = 0.0
    await asked.dns.find(_LIVE)
    await asked.dns.find(_LIVE)
    assert asked.questions == [_LIVE, _LIVE]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (Question("proxy", RecordType.A), ["192.0.2.50"]),
        (Question("proxy", RecordType.AAAA), ["2001:db8::50"]),
        (Question("proxy", RecordType.NAPTR), []),
        (Question("_sip._udp.proxy", RecordType.SRV), []),
    ],
)
async def test_names_in_etc_hosts_come_before_dns(
    asked: _Asked, question: Question, found: list[str]
) -> None:
    """All there is of them is their addresses."""
    assert await asked.dns.find(question) == found
    assert asked.questions == []


async def test_dead_names_do_not_keep_a_live_one_waiting(asked: _Asked) -> None:
    """2,000 at once. Four of them once held all four threads, and 100 took all places."""
    dead = asked.flood(MAX_WAITING)
    await until(lambda: len(asked.questions) == MAX_AT_ONCE)
    begun = asyncio.get_running_loop().time()
    assert await asked.dns.find(_LIVE) == ("192.0.2.7",)
    assert asyncio.get_running_loop().time() - begun < 5 * GRACE
    # Those that made room for it are answered: nobody knows.
    first = [one for one in dead if one.done()]
    assert [await one for one in first] == [None] * len(first)
    assert asked.dns.counts["lookups_cut_short"] == len(first) > 0
    for one in dead:
        one.cancel()


async def test_flood_of_one_domain_pushes_out_only_itself(
    asked: _Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over the bound is refused, and counted."""
    monkeypatch.setattr(module, "GRACE", math.inf)
    dead = asked.flood(MAX_AT_ONCE + MAX_WAITING)
    await until(lambda: len(asked.dns._waiting) == MAX_WAITING)
    live = asyncio.ensure_future(asked.dns.find(_LIVE))
    await until(lambda: asked.dns.counts["lookups_refused"] == 1)
    assert await dead[-1] is None
    assert not live.done()
    monkeypatch.undo()
    asked.dns._start()
    assert await live == ("192.0.2.7",)
    for one in dead:
        one.cancel()


async def test_dead_name_is_believed_to_be_dead_for_a_while(asked: _Asked) -> None:
    """The next request to it is told at once."""
    dead = asked.flood(MAX_AT_ONCE + 1)
    await until(lambda: dead[0].done())
    before = len(asked.questions)
    assert await asked.dns.find(asked.questions[0]) is None
    assert len(asked.questions) == before
    for one in dead:
        one.cancel()


async def test_slow_name_is_not_given_up_for_those_of_a_domain_that_has_more(asked: _Asked) -> None:
    """Under a flood every answer is slow; the flood makes room for itself."""
    slow = asyncio.ensure_future(asked.dns.find(Question("slow.example", RecordType.A)))
    await until(lambda: len(asked.questions) == 1)
    dead = asked.flood(4 * MAX_AT_ONCE)
    assert await slow == ("192.0.2.7",)
    assert asked.dns.counts["lookups_cut_short"] > 0
    for one in dead:
        one.cancel()


@pytest.mark.parametrize("times", [1, 2 * MAX_AT_ONCE])
async def test_question_that_fails_has_no_answer(tmp_path: Path, times: int) -> None:
    """Whoever had asked waited for good, and the place was lost."""

    async def fail(question: Question) -> Answer:
        raise AttributeError(question.name)

    dns = Dns(fail, HostsFile(tmp_path / "hosts"))
    for number in range(times):
        found = dns.find(Question(f"n{number}.example", RecordType.A))
        assert await asyncio.wait_for(found, 5) is None
    assert dns.counts["lookups_cut_short"] == 0
    dns.close()


async def test_question_that_made_room_may_yet_be_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`asyncio.wait_for` of Python 3.11 may lose a cancellation."""
    begun: list[Question] = []

    async def stubborn(question: Question) -> Answer:
        begun.append(question)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Answer(("192.0.2.7",), 60.0)

    dns = Dns(stubborn, HostsFile(tmp_path / "hosts"))
    loop = asyncio.get_running_loop()
    names = (f"n{number}.example" for number in range(MAX_AT_ONCE + 1))
    asked = [loop.create_task(dns.find(Question(name, RecordType.A))) for name in names]
    await until(lambda: len(begun) == MAX_AT_ONCE + 1)
    assert await asked[0] is None
    gc.collect()
    assert "KeyError" not in caplog.text
    dns.close()
    for one in asked:
        one.cancel()
