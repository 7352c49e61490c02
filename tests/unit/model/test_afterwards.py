"""What is asked for while something is worked on is done at its end, and nothing is lost."""

from collections.abc import Callable

import pytest

from dfks_rules.model.afterwards import Afterwards


class _Loop:
    def __init__(self) -> None:
        self.soon: list[Callable[[], object]] = []
        self.said: list[str] = []
        self.afterwards = Afterwards(self.soon.append)

    def say(self, text: str) -> Callable[[], object]:
        return lambda: self.said.append(text)


def test_what_is_asked_for_meanwhile_is_called_at_the_end_in_order() -> None:
    """A commit, and the datagrams that it leads to."""
    loop = _Loop()
    loop.afterwards.begin()
    loop.afterwards.call(loop.say("first"))
    loop.afterwards.call(loop.say("second"))
    assert loop.said == []
    loop.afterwards.end()
    assert loop.said == ["first", "second"]
    assert loop.soon == []


def test_while_nothing_is_worked_on_the_next_turn_calls() -> None:
    """As `call_soon` would."""
    loop = _Loop()
    loop.afterwards.call(loop.say("later"))
    assert loop.said == []
    loop.soon[0]()
    assert loop.said == ["later"]
    loop.afterwards.begin()
    loop.afterwards.end()
    loop.afterwards.call(loop.say("again"))
    assert len(loop.soon) == 2


def test_what_is_asked_for_at_the_end_is_called_as_well() -> None:
    """What is told of a commit is sent."""
    loop = _Loop()
    loop.afterwards.begin()
    loop.afterwards.call(lambda: loop.afterwards.call(loop.say("told")))
    loop.afterwards.end()
    assert loop.said == ["told"]


def test_what_comes_after_one_that_raises_is_called_in_the_next_turn() -> None:
    """A bug costs nobody else anything."""
    loop = _Loop()
    loop.afterwards.begin()
    loop.afterwards.call(lambda: 1 / 0)
    loop.afterwards.call(loop.say("still"))
    with pytest.raises(ZeroDivisionError):
        loop.afterwards.end()
    assert loop.said == []
    for do in loop.soon:
        do()
    assert loop.said == ["still"]
    loop.afterwards.call(loop.say("soon"))
    assert len(loop.soon) == 2
