"""Two sets of policies, proved alike or shown to differ."""

import pytest

from dfks_rules.model.requests import Operation
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.studying import compare, proved
from dfks_rules.policy.studying.proved import Proof, prove_alike
from tests.helpers.spaces import compiled

_OLD = "- {id: x, when: {op: set, feature: DoNotDisturb, user: '1'}, then: {status: 0}}"
_NEW = _OLD.replace("status: 0", "deny: no")


def _proof(old: str, new: str) -> Proof:
    return prove_alike(compiled(old), compiled(new), Horizon())


def test_a_difference_is_shown_with_as_few_facts_as_possible() -> None:
    """As the search does."""
    proof = _proof(_OLD, _NEW)
    (group,) = proof.differences.groups
    assert group.given == {"op": "set", "feature": "DoNotDisturb", "user": "1", "request.status": 0}
    assert (proof.different, proof.doubts) == ({Operation.SET}, [])


def test_what_is_written_otherwise_is_proved_alike() -> None:
    """With nothing left to doubt."""
    proof = _proof(_OLD, _OLD.replace("user: '1'", "user: {regex: '1'}"))
    assert (proof.different, proof.doubts, proof.is_timed) == (set(), [], False)


@pytest.mark.parametrize(
    "then",
    [
        '{values: {forwardTo: {template: "sip:${user}${user}${user}@x", default: %s}}}',
        "{values: {forwardTo: {from: request.forwardTo, default: %s}}}",
        "{values: {forwardTo: {from: request.forwardTo, prefix: '9', default: %s}}}",
        "{also: [{feature: CallForwardingBusy, user: bob, status: 1, values: {forwardTo: "
        '{template: "sip:${user}${user}${user}@x", default: %s}}}]}',
    ],
)
def test_what_templates_come_to_by_default_is_not_alike(then: str) -> None:
    """A phone may ask for a target that is too long, or not printable."""
    when = (
        "{op: set, feature: CallForwardingAlways, request.status: 1, "
        "request.forwardTo: {exists: true}}"
    )
    rules = [f"- {{id: r, when: {when}, then: {then % name}}}" for name in ("night", "desk")]
    proof = _proof(*rules)
    assert (proof.different, proof.doubts) == ({Operation.SET}, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "{values: {forwardTo: {from: user.vm, strip: '+49', prefix: '0'}}}",
            "{values: {forwardTo: {from: user.vm, strip: '+4', prefix: '0'}}}",
        ),
        (
            "{values: {forwardTo: {from: request.forwardTo, as: e164}}}",
            "{values: {forwardTo: {from: request.forwardTo, as: e164, strip: '+49'}}}",
        ),
        (
            "{also: [{feature: CallForwardingBusy, status: 1, values: {forwardTo: "
            "{from: user.vm, strip: '+49'}}}]}",
            "{also: [{feature: CallForwardingBusy, status: 1, values: {forwardTo: "
            "{from: user.vm, strip: '+4'}}}]}",
        ),
    ],
    ids=["beginning", "number", "also"],
)
def test_a_beginning_that_is_taken_away_is_no_other_one(old: str, new: str) -> None:
    """Texts that begin so are tried, whether a rule tests them or not."""
    rule = "- {id: r, when: {op: set, feature: CallForwardingAlways}, then: %s}"
    proof = _proof(rule % old, rule % new)
    assert (proof.different, proof.doubts) == ({Operation.SET}, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            '{values: {forwardTo: {template: "${user.a}${user.b}"}}}',
            '{values: {forwardTo: {template: "${user.b}${user.a}"}}}',
        ),
        ("{expire: 3h}", "{expire: until 14:00}"),
    ],
    ids=["templates", "deadlines"],
)
def test_what_is_alike_once_is_not_proved_alike(old: str, new: str) -> None:
    """`aa` is `aa`, and at eleven it is three hours to two; so it need not be for all others."""
    when = '{op: set, feature: CallForwardingAlways, time: {ge: "11:00", lt: "13:00"}}'
    rule = f"- {{id: r, when: {when}, then: %s}}"
    proof = _proof(rule % old, rule % new)
    assert proof.different or proof.doubts


def test_what_depends_on_the_time_says_so() -> None:
    """The horizon is part of what is proved."""
    new = _OLD.replace("user: '1'", "user: '1', time: {ge: '00:00'}")
    assert _proof(_OLD, new).is_timed


def test_what_cannot_be_decided_is_told_with_its_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never as proved."""

    def opaque(_needs: Needs, _condition: object) -> None:
        raise Undecided("nobody can read this")

    monkeypatch.setattr(Needs, "condition", opaque)
    (doubt,) = _proof(_OLD, _NEW).doubts
    assert str(doubt) == "not decided for set DoNotDisturb: nobody can read this"


def test_a_difference_that_no_case_can_show_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one nevertheless."""
    monkeypatch.setattr(proved, "witnesses_at", lambda _model: iter(()))
    proof = _proof(_OLD, _NEW)
    assert proof.different == {Operation.SET}
    assert "facts that a case can give do not show" in str(proof.doubts[0])


def test_more_differences_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are differences, and not doubts."""
    monkeypatch.setattr(compare, "MAX_GROUPS", 1)
    new = "- {id: x, when: {op: set}, then: {deny: no}}"
    proof = _proof("[]", new)
    assert len(proof.differences.groups) == 1
    assert proof.differences.ungrouped == 4
    assert proof.doubts == []


def test_who_waits_is_told_of_questions_and_differences() -> None:
    """One question may have a thousand differences."""
    told: list[tuple[int, int, int]] = []
    prove_alike(
        compiled(_OLD), compiled(_NEW), Horizon(), progress=lambda *numbers: told.append(numbers)
    )
    assert told == [(0, 1, 0), (0, 1, 1), (1, 1, 1)]


_LOG = "- {{id: x, when: {{op: set, feature: CallForwardingAlways}}, then: {{log: 'by {}'}}}}"


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("${user.manager}", "${user.desk}", "user.desk"),
        ("${device}", "-", "device"),
        ("${rate.user}", "${rate.domain}", "rate.domain"),
        ("${target.number}", "${target.class}", "request.forwardTo"),
    ],
)
def test_lines_that_differ_in_their_facts_are_shown(old: str, new: str, fact: str) -> None:
    """Where the facts are absent, they are the same."""
    proof = _proof(_LOG.format(old), _LOG.format(new))
    assert proof.doubts == []
    assert [fact in group.given for group in proof.differences.groups] == [True]


def test_a_line_whose_fact_is_always_the_same_is_proved_alike() -> None:
    """A set of this feature is one."""
    assert _proof(_LOG.format("${op}"), _LOG.format("set")).is_whole
