"""Points as requests, and as cases write them."""

from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.studying.models import view_at, witnesses_at

_SET: Model = {"op": "set", "feature": "CallForwardingBusy", "request.status": 1}


def test_a_request_has_the_facts_of_its_point() -> None:
    """Derived ones that are absent, too."""
    model: Model = {
        **_SET,
        "user": "201",
        "request.forwardTo": "+4930123456",
        "target.number": None,
    }
    view = view_at(model)
    for fact, value in model.items():
        assert known_fact(fact).read(view) == value


def test_what_is_known_about_a_target_stands_for_the_target_first() -> None:
    """The shorter case is tried first."""
    model: Model = {**_SET, "request.forwardTo": "x", "target.class": "premium"}
    first, second = witnesses_at(model)
    assert "request.forwardTo" not in first.given
    assert second.given["request.forwardTo"] == "x"


def test_a_target_of_which_nothing_is_known_may_be_none() -> None:
    """A case cannot say that a target has no domain, but it can leave the target out."""
    model: Model = {**_SET, "request.forwardTo": "x", "target.domain": None}
    first, second = witnesses_at(model)
    assert first.given["request.forwardTo"] == "x"
    assert "request.forwardTo" not in second.given


def test_a_moment_is_a_day_and_a_time_if_that_says_enough() -> None:
    """Else it is told with its offset."""
    model: Model = {**_SET, "now": "2026-07-01T08:00+02:00", "date": "2026-07-01", "time": "08:00"}
    first, second = witnesses_at({**model, "weekday": "wed"})
    assert "now" not in first.given
    assert second.given["now"] == "2026-07-01T08:00+02:00"
    assert "time" not in second.given
