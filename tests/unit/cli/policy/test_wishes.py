"""Answers of an author."""

import pytest

from dfks_rules.cli.policy.wishes import PURPOSES, Wish, feature_of, when_of, whom_of
from dfks_rules.model.features import Feature
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import Source

ANSWERS = {
    "deny": "Not here",
    "answer": "on sip:night@acme.example",
    "follow": "CallForwardingBusy on sip:desk@acme.example",
    "expire": "until 18:00",
}


@pytest.mark.parametrize("what", list(PURPOSES))
@pytest.mark.parametrize(
    "whom", ["everybody", "alice", "group:sales", "@a.example", "sip:a@b.example"]
)
@pytest.mark.parametrize(
    "when", ["always", "Mon-Fri 08:00-18:00", "not Sat 22:00-06:00 Europe/Berlin"]
)
def test_all_answers_go_together(what: str, whom: str, when: str) -> None:
    """Each combination is a policy with one rule."""
    feature = Feature.CALL_FORWARDING_ALWAYS
    then = PURPOSES[what].effects(ANSWERS[what], feature)
    wish = Wish(what, feature, whom_of(whom), when_of(when), then)
    policies = load([Source("p.yaml", wish.text("p"))])
    assert [rule.id for rule in policies.rules] == [f"p/{what}"]
    policies.close()
    assert wish.name == f"{what}-call-forwarding-always"


def test_answers_mean_what_they_say() -> None:
    """In the words of the language."""
    assert whom_of("group:sales") == {"groups": {"has": "sales"}}
    assert whom_of("all") == whom_of("everybody") == {}
    assert whom_of("a@b.example") == whom_of("sip:a@b.example")
    assert whom_of("@a.example") == {"domain": "a.example"}
    assert when_of("not Mon 08:00-09:00 UTC") == ("Mon 08:00-09:00", "UTC", False)
    assert PURPOSES["follow"].effects("DoNotDisturb off", Feature.CALL_FORWARDING_ALWAYS) == {
        "also": [{"feature": "DoNotDisturb", "status": 0}]
    }


@pytest.mark.parametrize(
    ("message", "ask", "answer"),
    [
        ("did you mean `DoNotDisturb`", feature_of, "DoNotDistrub"),
        ("there are `DoNotDisturb`, `Call", feature_of, "hold"),
        ("`a b` is none of these: `everybody`", whom_of, "a b"),
        ("is none of these: `always`", when_of, "at night"),
        ("did you mean `Europe/Berlin`", when_of, "Mon 08:00-18:00 Berlin"),
        ("did you mean `Europe/Berlin`", when_of, "not Mon 08:00-18:00 Europe/Berln"),
        ("`Foo`", when_of, "Foo 08:00-09:00"),
    ],
)
def test_an_answer_of_another_form_is_refused(message: str, ask: object, answer: str) -> None:
    """With what it could be."""
    assert callable(ask)
    with pytest.raises(ValueError, match=message):
        ask(answer)


@pytest.mark.parametrize(
    ("what", "answer", "message"),
    [
        ("answer", "maybe", "is none of these: `on`"),
        ("follow", "CallForwardingBusy on alice", "`alice` is not a target like `sip:night@"),
        ("answer", "on sip:x@y.example", "DoNotDisturb has no target"),
        ("follow", "off", "is not another feature, and what"),
        ("follow", "DoNotDisturb off", "cannot follow itself"),
        ("expire", "soon", "is neither a duration"),
    ],
)
def test_the_last_answer_has_to_suit_the_first(what: str, answer: str, message: str) -> None:
    """And the feature."""
    with pytest.raises(ValueError, match=message):
        PURPOSES[what].effects(answer, Feature.DO_NOT_DISTURB)
