"""Ways that no request can take; tests/policies/must_fail/meaning has what authors are told."""

import pytest

from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source


def said(when: str) -> list[str]:
    """What is wrong with a rule."""
    return [
        one.message for one in check([source(f"- {{id: r, when: {when}, then: {{log: x}}}}")])[1]
    ]


@pytest.mark.parametrize(
    "when",
    [
        "{op: get, origin: operator, watcher.user: {ne: bob}}",
        "{op: get, origin: [operator, watcher], watcher.user: bob}",
        "{op: get, origin: operator, any: [{watcher.user: bob}, {user: bob}]}",
        "{op: set, origin: operator, param: x}",
        "{op: set, origin: internal, watcher: {exists: false}}",
        "{op: set, feature: [DoNotDisturb, CallForwardingBusy], request.forwardTo: x}",
        "{op: set, feature: DoNotDisturb, CallForwardingBusy.forwardTo: x}",
        "{op: set, feature: DoNotDisturb, request.forwardTo: {exists: false}}",
        "{feature: {exists: false}}",
        "{request.status: {exists: false}, user: bob}",
        "{weekday: {notIn: [mon, tue, wed, thu, fri, sat]}}",
        "{op: set, request.forwardTo: {exists: false}}",
        "{op: set, request.status: 1, request.state: ready}",
        "{op: set, request.status: 0, request.state: {ne: notReady}}",
        "{op: set, request.status: 1, stored.state: notReady}",
        "{op: get, DoNotDisturb.status: 1, AgentState.state: [loggedOff, loggedOn]}",
    ],
)
def test_what_some_request_can_pass_is_let_pass(when: str) -> None:
    """The server would refuse the file."""
    assert said(when) == []


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (
            "{op: set, request.status: 1, request.state: notReady}",
            "`request.status` and `request.state` contradict each other",
        ),
        (
            "{op: get, stored.status: 0, stored.state: ready}",
            "`stored.status` and `stored.state` contradict each other",
        ),
        (
            "{AgentState.status: {ne: 0}, AgentState.state: [loggedOff, loggedOn]}",
            "`AgentState.status` and `AgentState.state` contradict each other",
        ),
        (
            "{op: get, origin: internal, userAgent: {has: x}}",
            "a set that follows has no `userAgent`",
        ),
        ("{op: set, origin: operator, rate.device: {gt: 3}}", "an operator has no `rate.device`"),
        ("{op: set, origin: operator, user: {sameAs: watcher.user}}", "no `watcher.user`"),
        (
            "{op: get, feature: DoNotDisturb, target.self: true}",
            "`DoNotDisturb` has no `target.self`",
        ),
        (
            "{op: set, feature: [CallForwardingBusy, CallForwardingAlways], request.ringCount: 3}",
            "`CallForwardingAlways` and `CallForwardingBusy` have no `request.ringCount`",
        ),
        ("{op: get, feature: {exists: false}}", "`feature` is never absent"),
        (
            "{origin: {notIn: [operator, watcher, internal]}}",
            "conditions on `origin` leave no possible value",
        ),
    ],
)
def test_what_no_request_can_pass_is_refused_with_its_reason(when: str, why: str) -> None:
    """A guard that guards nothing."""
    (message,) = said(when)
    assert message.startswith("rule `r` can never match: ")
    assert why in message
