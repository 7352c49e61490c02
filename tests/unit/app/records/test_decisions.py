"""The last decisions, found."""

import asyncio
import json
from pathlib import Path

from dfks_rules.app.records.decision_log import DecisionLog
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Denial, Outcome
from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF
from dfks_rules.model.gets import Got
from dfks_rules.model.requests import FeatureRequest, Operation, Requester
from dfks_rules.operations.decisions import Decided, Sought
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.policy.reading.source import Source
from dfks_rules.service.feed import Failed, Settled
from tests.helpers.playbook import default_policies
from tests.helpers.policy import (
    ALICE,
    BOB,
    CFA,
    DND,
    NOON,
    OPERATOR,
    PHONE,
    get,
    set_,
    source,
    subscribe,
)
from tests.helpers.states import TOLD

POLICIES = default_policies()
START = "5ea1ed"


def of_revision(revision: str) -> PolicySet | None:
    """The one policy set, as long as it is meant."""
    return POLICIES if revision == POLICIES.revision else None


def outcome(request: FeatureRequest) -> Outcome:
    """What the default policy makes of a request at noon."""
    decision = POLICIES.decide(request, NOTHING_STORED, NOON)
    return Outcome(request, decision, OFF, OFF, None, NOTHING_STORED, NOON, NOWHERE)


def test_the_newest_come_first_and_each_has_its_own_id() -> None:
    """A SUBSCRIBE asks several things at once."""
    decisions = Decisions(10, START, of_revision)
    decisions.keep(1, (outcome(subscribe()),))
    decisions.keep(2, (outcome(get(DND)), outcome(get(CFA))))
    records = list(decisions.latest())
    assert [record["given"].get("feature") for record in records] == [CFA.value, DND.value, None]
    assert [record["id"].rpartition("-")[2] for record in records] == ["3", "2", "1"]
    assert records[0]["at"] == "2026-01-05T12:00:00+00:00"


def test_a_record_says_the_groups_that_its_policies_knew() -> None:
    """By them the decision can be repeated when the directory has changed."""
    users = (
        "apiVersion: dfks/v1\nkind: Directory\nmetadata: {name: users}\n"
        "users: {alice@example.com: {groups: [sales]}}\n"
    )
    known = load(
        [source("- {id: r, when: {groups: {has: sales}}, then: {log: x}}"), Source("u", users)]
    )
    decisions = Decisions(10, START, lambda revision: known if revision == known.revision else None)
    decided = known.decide(get(), NOTHING_STORED, NOON)
    decisions.keep(1, (Outcome(get(), decided, OFF, OFF, None, NOTHING_STORED, NOON, NOWHERE),))
    (record,) = decisions.latest()
    known.close()
    assert record["given"]["groups"] == ("sales",)


def test_as_many_requests_are_kept_as_settings_say() -> None:
    """Memory is bounded."""
    decisions = Decisions(2, START, of_revision)
    for number in range(1, 6):
        decisions.keep(number, (outcome(get()),))
    assert [one["id"].rpartition("-")[2] for one in decisions.latest()] == ["5", "4"]


async def test_a_decision_is_asked_about_by_its_id_or_its_presentity() -> None:
    """Support knows the customer, a log the id."""
    decisions = Decisions(10, START, of_revision)
    decisions.keep(1, (outcome(set_(DND)),))
    decisions.keep(2, (outcome(get()._replace(presentity=BOB)),))
    (found,) = await decisions.asked_about(ALICE)
    assert (found.id, found.outcome.request.operation) == (f"{START}-1", Operation.SET)
    assert await decisions.asked_about(found.id) == [found]
    assert await decisions.asked_about("nothing-1") == []


def test_every_decision_that_is_kept_is_found_by_its_id_and_no_other() -> None:
    """Requests are of one decision or of several, a set that waits for the disk is kept after those
    that overtook it, what was decided again left gaps, and the oldest are gone.
    """
    decisions = Decisions(3, START, of_revision)
    requests = {1: (DND,), 2: (DND, CFA), 9: (DND, CFA, DND), 5: (CFA,)}
    for first, features in requests.items():
        decisions.keep(first, tuple(outcome(get(feature)) for feature in features))
    records = list(decisions.latest())
    assert len(records) == 6
    for record in records:
        found = decisions.find(record["id"])
        assert found is not None
        assert decisions.record(Decided(record["id"], found)) == record
    start = records[0]["id"].partition("-")[0]
    wrong = (
        "1",
        "4",
        "6",
        "8",
        "12",
        "0",
        "-1",
        "02",
        "",
        "9" * 5000,
        "\N{ARABIC-INDIC DIGIT THREE}",
    )
    for name in (*(f"{start}-{number}" for number in wrong), f"x{start}-3", start, ""):
        assert decisions.find(name) is None


def test_an_operators_own_reads_do_not_push_out_what_was_refused() -> None:
    """Whoever looks for a refusal reads features first, and would lose what he looks for."""
    decisions = Decisions(2, START, of_revision)
    decisions.keep(1, (outcome(set_(DND)),))
    read = outcome(get(DND)._replace(requester=OPERATOR))
    for number in range(2, 7):
        decisions.keep(number, (read,))
    (record,) = decisions.latest()
    assert record["given"]["op"] == "set"
    assert decisions.find(record["id"])
    assert decisions.counts == {"made": 6, "lost": 0}
    decisions.keep(7, (outcome(set_(DND)._replace(requester=OPERATOR)),))
    assert len(list(decisions.latest())) == 2


async def test_what_was_refused_comes_before_what_was_asked_later() -> None:
    """A phone that leaves asks for every state once more; nobody wants to read that."""
    decisions = Decisions(10, START, lambda _: POLICIES)
    refused = outcome(set_(CFA))
    denied = refused._replace(decision=refused.decision._replace(denial=Denial("no")))
    asked = (denied, outcome(set_(DND)), outcome(get(CFA)), outcome(get(CFA)))
    for number, one in enumerate(asked, 1):
        decisions.keep(number, (one,))
    told = [one.outcome.request for one in await decisions.asked_about(ALICE)]
    assert [(one.operation.value, one.feature and one.feature.value) for one in told] == [
        ("set", "CallForwardingAlways"),
        ("set", "DoNotDisturb"),
        ("get", "CallForwardingAlways"),
    ]


def test_losses_of_the_log_are_counted_where_operators_look(tmp_path: Path) -> None:
    """A folder in its place stands for a disk that fails."""
    log = DecisionLog(tmp_path, mask=False)
    decisions = Decisions(10, START, of_revision, log)
    decisions.keep(1, (outcome(get(DND)), outcome(get(CFA))))
    log.close()
    assert decisions.counts == {"made": 2, "lost": 1}


def test_what_the_feed_tells_is_kept_but_for_failures() -> None:
    """Leave to subscribe and refusals too; a request that came to nothing was not decided."""
    decisions = Decisions(10, START, of_revision)
    refused = outcome(subscribe(requester=PHONE._replace(watcher=BOB)))
    decisions.hear(Settled(ALICE, (refused,), 1, PHONE, NOON, 0.0))
    decisions.hear(Failed(ALICE, StoreError("store_unavailable", "full"), PHONE, 0.0))
    assert [one["decision"]["decision"] for one in decisions.latest()] == ["deny"]


def kept(*numbers: int) -> Decisions:
    """Requests of one decision each, kept in this order; the third and all after it are Bob's."""
    decisions = Decisions(10, START, of_revision)
    for number in numbers:
        about = ALICE if number < 3 else BOB
        decisions.keep(number, (outcome(FeatureRequest(Operation.GET, about, PHONE, DND)),))
    return decisions


async def ids(decisions: Decisions, sought: Sought, at_most: int = 100) -> list[str]:
    """Numbers of what is found."""
    return [one.id.rpartition("-")[2] for one in await decisions.search(sought, at_most)]


async def test_a_search_goes_from_page_to_page_and_on_with_what_came_since() -> None:
    """Also where one decision overtook another."""
    decisions = kept(1, 2, 4, 3, 5)
    assert await ids(decisions, Sought(), 2) == ["5", "3"]
    assert await ids(decisions, Sought(before=f"{START}-3"), 2) == ["4", "2"]
    assert await ids(decisions, Sought(after=f"{START}-4")) == ["5", "3"]
    assert await ids(decisions, Sought(BOB, before=f"{START}-5")) == ["3", "4"]


async def test_pages_end_within_a_request_with_several_decisions() -> None:
    """None is told twice, and none is left out."""
    decisions = Decisions(10, START, of_revision)
    decisions.keep(1, tuple(outcome(get(feature)) for feature in (DND, CFA, DND)))
    assert await ids(decisions, Sought(), 1) == ["3"]
    assert await ids(decisions, Sought(before=f"{START}-3"), 1) == ["2"]
    assert await ids(decisions, Sought(before=f"{START}-2"), 9) == ["1"]
    assert await ids(decisions, Sought(after=f"{START}-2"), 9) == ["3"]


async def test_before_what_is_gone_there_is_nothing_and_all_came_after_it() -> None:
    """The ring has turned, or the server was started anew."""
    decisions = kept(1, 2)
    for gone in ("000000-1", f"{START}-7", "nonsense"):
        assert await ids(decisions, Sought(before=gone)) == []
        assert await ids(decisions, Sought(after=gone)) == ["2", "1"]


async def test_a_search_lets_others_work_and_bears_that_they_decide() -> None:
    """The ring turns under it."""
    decisions = Decisions(20_000, START, of_revision)
    one = (outcome(get()),)
    for number in range(1, 20_001):
        decisions.keep(number, one)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            decisions.keep(20_000 + turns, one)
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    assert await ids(decisions, Sought(BOB)) == []
    between = turns
    assert await ids(decisions, Sought(is_denied=True)) == []
    other.cancel()
    assert 1 < between < turns


def test_a_decision_is_found_by_its_id() -> None:
    """And its record has all that is known."""
    decisions = kept(1, 4, 2)
    found = decisions.find(f"{START}-2")
    assert found is not None
    record = decisions.record(Decided(f"{START}-2", found))
    assert record["id"] == f"{START}-2"
    assert record["given"]["presentity"] == ALICE.uri
    assert decisions.find(f"{START}-3") is None
    assert decisions.find("000000-2") is None


def test_decisions_are_counted_and_skipped_without_a_record() -> None:
    """The last page of 10,000 must not take as long as all of them."""
    decisions = Decisions(10, START, of_revision)
    for first in (1, 3, 5):
        decisions.keep(first, (outcome(get(DND)), outcome(get(CFA))))
    decisions.keep(7, (outcome(get()._replace(presentity=BOB)),))
    assert (decisions.number_of(None), decisions.number_of(ALICE)) == (7, 6)
    ids = [one["id"].rpartition("-")[2] for one in decisions.latest(ALICE, skip=3)]
    assert ids == ["3", "2", "1"]
    assert list(decisions.latest(None, skip=9)) == []


def got(requester: Requester = PHONE) -> Got:
    """What the default policy makes of a SUBSCRIBE at noon."""
    gets = POLICIES.decide_gets(ALICE, requester, NOTHING_STORED, NOON)
    return Got(gets, ALICE, requester, NOTHING_STORED, NOON, NOWHERE)


async def test_each_get_of_a_request_is_found_as_if_it_had_been_kept_by_itself(
    tmp_path: Path,
) -> None:
    """Only what is needed to make its record is kept."""
    log = DecisionLog(tmp_path / "log", mask=False)
    decisions = Decisions(10, START, of_revision, log)
    plain = Decisions(10, START, of_revision)
    decisions.keep(7, got())
    plain.keep(7, got().outcomes)
    decisions.keep(11, got(OPERATOR))
    log.close()
    assert decisions.counts["made"] == len(TOLD) + len(FEATURES)
    assert decisions.number_of(ALICE) == plain.number_of(ALICE) == len(TOLD)
    assert decisions.number_of(BOB) == 0
    assert list(decisions.latest()) == list(plain.latest())
    assert list(decisions.latest(ALICE)) == list(plain.latest())
    assert list(decisions.latest(BOB)) == []
    assert await decisions.search(Sought(ALICE), 9) == await plain.search(Sought(ALICE), 9)
    assert decisions.find(f"{START}-8") == plain.find(f"{START}-8") == got().outcomes[1]
    assert decisions.find(f"{START}-11") is None
    assert decisions.name_of(got().outcomes[0]) is None
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line) for line in lines[: len(TOLD)]] == list(plain.latest())[::-1]
    assert len(lines) == len(TOLD) + len(FEATURES)
