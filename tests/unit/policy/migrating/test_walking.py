"""What a route sets, and when."""

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.routes import read_script
from dfks_rules.policy.migrating.walking import Block, Walk


def blocks(body: str) -> list[Block]:
    """What the route of a script comes to."""
    walk = Walk(read_script(f"route[dfks_set] {{ {body} }}"), Operation.SET)
    walk.go("dfks_set")
    assert walk.notes == []
    return walk.blocks


def test_assignments_that_happen_together_are_one_block() -> None:
    """As an author would write one rule."""
    text = '$dfks(status) = 1; $dfks(value/ringCount) = 3; $dfks(value/forwardTo) = "x";'
    (block,) = blocks(text)
    assert block.effects == {"status": 1, "values": {"ringCount": 3, "forwardTo": "x"}}


def test_blocks_are_in_the_order_of_the_script() -> None:
    """Whoever makes rules of them turns them round."""
    text = '$dfks(status) = 1; if ($rU == "a") $dfks(status) = 0; $dfks(notify) = 0;'
    assert [(*one.path.conditions(), one.effects) for one in blocks(text)] == [
        ({}, {}, {"status": 1}),
        ({"user": "a"}, {}, {"status": 0}),
        ({}, {}, {"notify": False}),
    ]


def test_a_route_that_is_not_there_comes_to_nothing() -> None:
    """A script may have only one of the two."""
    walk = Walk(read_script(""), Operation.GET)
    walk.go("dfks_get")
    assert (walk.blocks, walk.notes) == ([], [])
