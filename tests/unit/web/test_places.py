"""Places for streams."""

from collections import Counter
from contextlib import ExitStack

import pytest

from dfks_rules.web.places import Places
from dfks_rules.web.problem import Problem


def _refused(places: Places, by: str) -> Problem:
    with pytest.raises(Problem) as raised, places.taken(by):
        pass
    return raised.value


def test_one_who_takes_all_that_he_may_leaves_places_for_others() -> None:
    """Nobody keeps an operator out by one token."""
    counts: Counter[str] = Counter()
    places = Places(3, 2, counts)
    with places.taken("tenant"), places.taken("tenant"):
        problem = _refused(places, "tenant")
        assert (problem.kind, problem.status) == ("too-many-streams", 429)
        assert problem.detail == "`tenant` has 2, as many as `http.streams_per_token` allows"
        with places.taken("operator"):
            assert len(places) == 3
            assert _refused(places, "other").kind == "too-many-listeners"
    assert counts == {"streams_refused": 1, "streams_refused_token": 1}


def test_a_place_that_is_given_up_is_free() -> None:
    """Also by whoever fails; nothing is kept of him."""
    places = Places(1, 1, Counter())
    with pytest.raises(RuntimeError), places.taken("one"):
        raise RuntimeError
    with ExitStack() as stack:
        stack.enter_context(places.taken("other"))
    assert (len(places), places._taken) == (0, {})
