"""What the outcomes of a SUBSCRIBE mean for it."""

from dfks_rules.model.decisions import Outcome
from dfks_rules.presence.visit import parted, rejection
from tests.helpers.playbook import DND_ON, Playbook, default_policies, message
from tests.helpers.policy import policies


def _outcomes(book: Playbook, body: bytes) -> tuple[Outcome, ...]:
    book.receive(message(body=body))
    return tuple(book.log.outcomes)


def test_outcomes_of_sets_come_before_those_of_gets() -> None:
    """A SUBSCRIBE that makes a dialog may have both."""
    outcomes = _outcomes(Playbook(default_policies()), DND_ON)
    sets, gets = parted(outcomes)
    assert sets + gets == outcomes
    assert [one.request.operation.value for one in sets] == ["set"]
    assert {one.request.operation.value for one in gets} == {"get"}
    assert parted(sets) == (sets, ())


def test_only_a_denial_that_says_so_rejects_the_request() -> None:
    """A set that is denied quietly is answered with 200 and the old state."""
    for answer, expected in (("reject-403", True), ("stored", False)):
        rules = policies(
            f"- {{id: no, when: {{op: set}}, then: {{deny: {{reason: no, answer: {answer}}}}}}}"
        )
        sets, _ = parted(_outcomes(Playbook(rules), DND_ON))
        assert (rejection(sets) is not None) is expected
