"""What requests were answered that may come again, at whichever node."""

import asyncio

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.operations.answers import MOST, UNDER_WAY, KeptAnswer
from dfks_rules.store.postgres import answers
from dfks_rules.store.postgres.answers import AnswerTable, kept_from
from tests.helpers.engines import Node, Nodes
from tests.helpers.postgres import Database, needs_postgres

pytestmark = needs_postgres
_ANSWER = KeptAnswer(b"whole", 200, {"ETag": '"7"'}, b"{}")


async def _two(nodes: Nodes) -> tuple[AnswerTable, AnswerTable, Node]:
    """Of two nodes, and the first of them."""
    one, other = await nodes.join(), await nodes.join()
    return one.engine.shared(one.epoch).answers, other.engine.shared(other.epoch).answers, one


async def test_what_one_node_has_answered_all_give_again(nodes: Nodes) -> None:
    """To whom it belongs."""
    here, there, _ = await _two(nodes)
    assert await here.begin("desk", "k", b"known") is None
    await here.keep("desk", "k", _ANSWER)
    for table in (here, there):
        assert await table.begin("desk", "k", b"known") == _ANSWER
    assert await there.begin("crm", "k", b"known") is None


async def test_a_request_is_carried_out_by_one_node(nodes: Nodes) -> None:
    """Until it is dropped: then it may come again, anywhere."""
    here, there, _ = await _two(nodes)
    begun = await asyncio.gather(*[one.begin("desk", "k", b"known") for one in (here, there)])
    assert begun.count(None) == 1
    under_way = KeptAnswer(b"known", UNDER_WAY, {}, b"")
    assert under_way in begun
    assert await there.begin("desk", "k", b"other") == under_way
    for one in (here, there):
        await one.drop("desk", "k")
    assert await there.begin("desk", "k", b"other") is None


async def test_another_nodes_request_is_left_alone(nodes: Nodes) -> None:
    """Whoever has given up must not end what somebody else does now."""
    here, there, _ = await _two(nodes)
    assert await here.begin("desk", "k", b"known") is None
    await there.drop("desk", "k")
    await there.keep("desk", "k", _ANSWER)
    assert await there.begin("desk", "k", b"known") == KeptAnswer(b"known", UNDER_WAY, {}, b"")


async def test_what_a_dead_node_had_begun_is_begun_anew(nodes: Nodes) -> None:
    """What came of it, nobody knows."""
    here, there, one = await _two(nodes)
    assert await here.begin("desk", "k", b"known") is None
    await one.engine.leave(one.epoch, is_clean=False)
    assert await there.begin("desk", "k", b"known") is None


@pytest.mark.parametrize("age", ["2 minutes", "2 days"])
async def test_what_takes_too_long_or_is_too_old_is_begun_anew(
    nodes: Nodes, database: Database, age: str
) -> None:
    """A minute for a request, a day for an answer."""
    here, there, _ = await _two(nodes)
    assert await here.begin("desk", "k", b"known") is None
    if age == "2 days":
        await here.keep("desk", "k", _ANSWER)
    database.run(f"UPDATE dfks.answer SET at = at - interval '{age}'")  # noqa: S608
    assert await there.begin("desk", "k", b"known") is None


async def test_answers_do_not_pile_up(
    nodes: Nodes, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first."""
    here, _, _ = await _two(nodes)
    assert MOST > 10
    monkeypatch.setattr(answers, "MOST", 10)
    for number in range(30):
        assert await here.begin("desk", f"{number}", b"known") is None
    assert 10 <= database.run("SELECT count(*) FROM dfks.answer")[0][0] <= 12
    assert await here.begin("desk", "29", b"known") is not None


async def test_a_database_that_is_away_is_told(nodes: Nodes, database: Database) -> None:
    """Nothing is done twice because of it."""
    here, _, _ = await _two(nodes)
    database.run("ALTER TABLE dfks.answer RENAME TO away")
    with pytest.raises(StoreError) as raised:
        await here.begin("desk", "k", b"known")
    assert raised.value.code == "store_unavailable"


def test_a_request_that_was_dropped_a_moment_ago_is_under_way() -> None:
    """The client comes again."""
    row = {"request": None, "status": None, "headers": None, "body": None}
    assert kept_from(row, b"known") == KeptAnswer(b"known", UNDER_WAY, {}, b"")
