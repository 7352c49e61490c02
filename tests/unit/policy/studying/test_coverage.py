"""Which rules decided something in cases."""

from dfks_rules.model.features import FEATURES, NOTHING_STORED
from dfks_rules.model.requests import FeatureRequest
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.coverage import Coverage, places_of
from tests.helpers.policy import BOB, CFA, NOON, get, set_, source
from tests.unit.policy.reading.test_check_exceptions import exception

SOURCE = source(
    """
- id: shown
  when: {op: get, any: [{user: alice}, {domain: other.example}]}
  then: {status: 1}
- id: beaten
  when: {op: get, feature: DoNotDisturb}
  then: {status: 0}
- id: logs
  when: {op: get}
  then: {log: x}
- id: idle
  when: {op: set}
  then: {status: 0}
"""
)


GETS = " | ".join(f"get {feature.value}" for feature in FEATURES)


def covered(*requests: FeatureRequest) -> Coverage:
    """What these requests show of the policy."""
    policies = load([SOURCE])
    views = [View(request, NOTHING_STORED, NOON) for request in requests]
    coverage = Coverage()
    coverage.add(policies, [SOURCE], [(view, policies.decide_view(view)) for view in views])
    policies.close()
    return coverage


def test_gaps_say_what_no_case_shows() -> None:
    """A rule, a rule that never decides, and a way in which a rule matches."""
    coverage = covered(get())
    assert [(gap.line, gap.rule, gap.what) for gap in coverage.unshown()] == [
        (
            5,
            "p/shown",
            f"never matched by {{{GETS}, domain: other.example}}",
        ),
        (8, "p/beaten", "matched, but never decided anything"),
        (14, "p/idle", "never matched"),
    ]
    assert round(coverage.percent, 1) == 55.6


def test_more_cases_close_gaps() -> None:
    """Also from another set with the same file."""
    coverage = covered(get(), set_(CFA))
    assert [gap.rule for gap in coverage.unshown()] == ["p/shown", "p/beaten"]


def test_an_exception_is_covered_by_what_it_lifts() -> None:
    """A case in which nothing is denied shows nothing of it."""
    rules = "- {id: r, when: {op: set, user: bob}, then: {deny: {reason: no, exceptions: true}}}"
    files = [source(rules), exception()]
    policies = load(files)
    seen = []
    for request in (set_(), set_()._replace(presentity=BOB)):
        view = View(request, NOTHING_STORED, NOON)
        coverage = Coverage()
        coverage.add(policies, files, [(view, policies.decide_view(view))])
        seen.append([(gap.rule, gap.what) for gap in coverage.unshown()])
    policies.close()
    assert seen[0][0] == ("e/exception", "matched, but never lifted a denial")
    assert seen[1] == [("p/r", "matched, but never decided anything")]
    assert {gap.title for gap in coverage.unshown()} == {"p/r"}
    assert places_of(files)["e/exception"] == ("e.yaml", 5)


def test_nothing_to_cover_is_covered() -> None:
    """A directory without rules is no failure."""
    assert Coverage().percent == 100


def test_places_are_those_of_policies_alone() -> None:
    """Other kinds of files stand among them."""
    other = Source("d.yaml", "kind: Directory\n")
    assert places_of([other, SOURCE])["p/idle"] == ("p.yaml", 14)
