"""What became of properties, in all formats."""

import json
from xml.etree import ElementTree

import pytest

from dfks_rules.cli.policy.prove_report import FORMATS, Ran
from dfks_rules.policy.language.document import AllOf
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.proof_files import Property
from dfks_rules.policy.studying.proving import Proved, Shown, Verdict


def _ran(name: str, proved: Proved, **expect: object) -> Ran:
    claim = Property(name, 7, AllOf(()), expect, None, is_some=False)
    return Ran("a/proofs.yaml", claim, proved)


_RAN = [
    _ran("one", Proved(Verdict.PROVED, horizon=Horizon()), decision="deny"),
    _ran(
        "two",
        Proved(
            Verdict.REFUTED,
            Shown({"op": "set", "user": "<a>"}, {"decision": "allow", "reason": None, "by": {}}),
        ),
        reason=["a", "b"],
        by={"deny": "p/a"},
    ),
    _ran("three", Proved(Verdict.UNDECIDED, reason="too many cells"), status=1),
    _ran("four", Proved(Verdict.VACUOUS), status=1),
]


def test_people_get_a_line_for_each_and_the_counts() -> None:
    """With a case for what is refuted."""
    assert FORMATS["human"](_RAN).splitlines() == [
        "a/proofs.yaml:7: proved: one (for 2025 to 2028, server in UTC)",
        "a/proofs.yaml:7: refuted: two",
        "  - name: two",
        "    given: {op: set, user: <a>}",
        "    expect: {by: {deny: p/a}, decision: deny}    # in fact: no rule denies it, allow",
        "a/proofs.yaml:7: not decided: three: too many cells",
        "a/proofs.yaml:7: vacuous: four: no request can pass its conditions [policy_vacuous_proof]",
        "4 proofs: 1 proved, 1 refuted, 1 not decided, 1 vacuous",
    ]


def test_programs_get_objects() -> None:
    """With the facts and what was decided."""
    told = json.loads(FORMATS["json"](_RAN))["proofs"]
    assert [one["verdict"] for one in told] == ["proved", "refuted", "not decided", "vacuous"]
    assert told[1]["given"] == {"op": "set", "user": "<a>"}
    assert told[2]["reason"] == "too many cells"


def test_build_servers_get_junit() -> None:
    """What is not proved is a failure."""
    suite = ElementTree.fromstring(FORMATS["junit"](_RAN))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("4", "3")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["two", "three", "four"]


def test_code_hosts_get_annotations() -> None:
    """Beside the line of the proof."""
    lines = FORMATS["github"](_RAN).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("::error file=a/proofs.yaml,line=7::refuted: two%0A")


@pytest.mark.parametrize(
    ("expect", "answer", "told"),
    [
        ({"decision": "allow", "reason": "x"}, {"decision": "deny", "reason": "y"}, "deny y"),
        ({"reason": "x"}, {"decision": "allow", "reason": None}, "allow"),
        ({"by": {"deny": "p/a"}}, {"by": {"deny": "p/b"}}, "denied by p/b"),
        ({"by": {"status": "p/a"}}, {"by": {}}, "no rule decides `status`"),
        ({"by": {"status": "p/a"}}, {"by": {"status": "p/b"}}, "`status` decided by p/b"),
        ({"values": {"forwardTo": "1"}}, {"values": {"forwardTo": None}}, "no forwardTo"),
        (
            {"assigned": True, "status": 1},
            {"assigned": False, "status": 0},
            "assigned false, status 0",
        ),
    ],
)
def test_what_is_decided_instead_is_said_in_words(
    expect: dict[str, object], answer: dict[str, object], told: str
) -> None:
    """An author shall understand it at once."""
    shown = Shown({"op": "set"}, {"decision": "allow", "reason": None, "by": {}, **answer})
    ran = _ran("x", Proved(Verdict.REFUTED, shown), **expect)
    assert FORMATS["human"]([ran]).splitlines()[3].endswith(f"    # in fact: {told}")
