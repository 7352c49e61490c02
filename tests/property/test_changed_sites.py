"""Changed directories and number plans: what is called proved, no request may deny."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.given import missing, view_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.site import make_site
from dfks_rules.policy.studying.compare import what_differs
from dfks_rules.policy.studying.site_proof import prove_site
from tests.helpers.policy import source

PROFILE = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MANY = settings(PROFILE, max_examples=200)

_USERS = ["alice", "bob", "201", "30123456", "202", "115", "201abc"]
_DOMAINS = ["a.example", "b.example"]
_GROUPS = ["sales", "guests", "vip"]
_TARGETS = [
    *("201", "bob", "sip:bob@b.example", "sip:alice@a.example", "0301234", "+4930123456"),
    *("+4932123456", "0900123456", "49900123456", "+19002345678", "911", "*72", "030123456"),
    *("201,5550100", "00491", "+49321", "tel:nobody"),
    *("202,0900123456", "+49321,+49900123456", "tel:202;phone-context=+1900555", "115"),
    *("sip:202@b.example", "sip:201abc@a.example", "sip:49321@x.example", "+49301234567,202"),
    *("+493012345678", "*72202", "tel:115;phone-context=+979", "4930123456"),
]


@st.composite
def directories(draw: st.DrawFn) -> Source:
    """Some users."""
    lines = ["user,domain,groups,role,numbers,team"]
    for domain in _DOMAINS:
        numbers = iter(draw(st.permutations(["201", "+4930123456", "+4932123456", "202"])))
        for user in draw(st.lists(st.sampled_from(_USERS), unique=True)):
            groups = " ".join(draw(st.lists(st.sampled_from(_GROUPS), unique=True)))
            role, team = (draw(st.sampled_from(["", "x", "y"])) for _ in range(2))
            number = next(numbers, "") if draw(st.booleans()) else ""
            lines.append(f"{user},{domain},{groups},{role},{number},{team}")
    return Source("users.csv", "\n".join(lines) + "\n")


@st.composite
def plans(draw: st.DrawFn) -> Source:
    """A number plan that knows the classes of rules."""
    named = draw(
        st.dictionaries(
            st.sampled_from(["+4932", "+49900", "+4930", "+1900", "+49301", "+4930123456"]),
            st.sampled_from(["own", "premium", "voip", "mobile", "other"]),
        )
    )
    classes: dict[str, list[str]] = {"own": ["+999"], "other": ["+9991"]}
    for prefix, name in named.items():
        classes.setdefault(name, []).append(prefix)
    lengths = draw(st.sampled_from(["", "domains: {a.example: {internal: {lengths: [3]}}}\n"]))
    head = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: DE\n"
    return Source("numbers.yaml", f"{head}{lengths}classes: {classes!r}\n")


_ABOUT_PEOPLE = [
    *(f"{who}groups: {{has: {name}}}" for who in ("", "watcher.", "target.") for name in _GROUPS),
    *(f"{who}role: x" for who in ("", "watcher.", "target.")),
    *(f"{who}.team: {{in: [x, z]}}" for who in ("user", "watcher", "target")),
    "groups: {sameAs: watcher.groups}",
    "target.groups: {sameAs: groups}",
    "user.team: {sameAs: watcher.team}",
    "watcher.team: {sameAs: role}",
    "not: {groups: {exists: true}}",
    "user.team: {sameAs: user}",
]
_ABOUT_TARGETS = [
    *("target.class: premium", "target.class: [own, voip]", "not: {target.class: other}"),
    *("target.kind: internal", "target.reach: international", "target.self: true"),
    *("target.number: {prefix: '+4932'}", "target.country: DE", "target.user: bob"),
]
_GUARDS = ["target.class: premium", "target.class: [own, voip]", "target.reach: international"]
_OTHERS = ["request.status: 1", "user: bob", "domain: a.example", "origin: watcher", "op: set"]
_THEN = [
    *("{deny: no}", "{status: 0}", "{notify: false, final: true}", '{log: "of ${user.team}"}'),
    "{values: {forwardTo: {from: target.number, default: '1'}}}",
    "{values: {forwardTo: {from: request.forwardTo, as: e164, default: '1'}}}",
    "{values: {forwardTo: {template: 'sip:${role}@x.example', default: '1'}}}",
    "{also: [{feature: DoNotDisturb, group: guests, status: 0}]}",
    '{deny: {reason: no, text: "you are ${role}"}}',
]


@st.composite
def policies(draw: st.DrawFn, about: list[str]) -> Source:
    """A few rules about users or targets."""
    rules = []
    for number in range(draw(st.integers(1, 4))):
        tests = draw(st.lists(st.sampled_from([*about, *_OTHERS]), min_size=1, max_size=3))
        when = ", ".join(f"{{{one}}}" for one in dict.fromkeys(tests))
        then = draw(st.sampled_from(_THEN))
        first = "{op: set, feature: CallForwardingAlways}"
        rules.append(f"- {{id: r{number}, when: {{all: [{first}, {when}]}}, then: {then}}}")
    return source("\n".join(rules))


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any] | None:
    """A set by somebody for somebody, among those who change and others."""
    person = st.builds(
        "sip:{}@{}".format, st.sampled_from([*_USERS, "zoe"]), st.sampled_from(_DOMAINS)
    )
    facts: dict[str, Any] = {
        "op": "set",
        "feature": "CallForwardingAlways",
        "request.status": draw(st.sampled_from([0, 1])),
        "presentity": draw(person),
        "watcher": draw(person),
    }
    for field in ("request.forwardTo", "stored.forwardTo"):
        if draw(st.booleans()):
            facts[field] = draw(st.sampled_from(_TARGETS))
    return None if missing(facts) else facts


def _compare(
    policy: Source, sites: tuple[Source, Source, Source, Source], asked: list[View]
) -> bool | None:
    """Whether it is proved that nothing changes; what is shown and what is found must agree."""
    users, plan, more_users, other_plan = sites
    try:
        old = compile_policies([policy, users, plan])
        new = compile_policies([policy, more_users, other_plan])
    except PolicyError:
        return None
    proved = True
    steps = [
        old.site,
        make_site(new.site.directory, old.site.targets.plan),
        new.site,
    ]
    for one, other in pairwise(steps):
        proof = prove_site(new, one, other, Horizon())
        before, after = (ReferencePolicySet(new._replace(site=site)) for site in (one, other))
        for group in proof.differences.groups:
            view = view_of(group.given)
            assert what_differs(before.decide_view(view), after.decide_view(view))
        is_proved = not proof.different and not proof.doubts
        for view in asked:
            differs = what_differs(before.decide_view(view), after.decide_view(view))
            assert not (is_proved and differs), (policy.text, view, differs)
        proved &= is_proved
    return proved


@st.composite
def site_pairs(draw: st.DrawFn) -> tuple[Source, Source, Source, Source]:
    """Two sites: others altogether, or one with a user less, or with the plan that it was."""
    users, plan = draw(directories()), draw(plans())
    lines = users.text.splitlines()
    gone = draw(st.integers(0, len(lines) - 1))
    if gone:
        fewer = Source(users.file, "\n".join([*lines[:gone], *lines[gone + 1 :], ""]))
        return users, plan, fewer, draw(st.just(plan) | plans())
    return users, plan, draw(directories()), draw(st.just(plan) | plans())


_SITES = site_pairs()


@PROFILE
@given(
    st.one_of(
        policies(_ABOUT_PEOPLE), policies([*_ABOUT_PEOPLE, *_ABOUT_TARGETS]), policies(_GUARDS)
    ),
    _SITES,
    st.lists(requests(), min_size=40, max_size=60),
)
def test_what_is_called_proved_no_request_denies(
    policy: Source, sites: tuple[Source, Source, Source, Source], asked: list[dict[str, Any] | None]
) -> None:
    """Of rules about users and targets, with any two sites."""
    _compare(policy, sites, [view_of(facts) for facts in asked if facts is not None])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_of_many_changes_some_are_proved_harmless_and_none_wrongly() -> None:
    """A proof that never proves would be right, too."""
    proved = 0

    @MANY
    @given(
        st.one_of(policies(_ABOUT_PEOPLE), policies(_ABOUT_TARGETS), policies(_GUARDS)),
        _SITES,
        st.lists(requests(), min_size=40, max_size=60),
    )
    def compare(
        policy: Source,
        sites: tuple[Source, Source, Source, Source],
        asked: list[dict[str, Any] | None],
    ) -> None:
        nonlocal proved
        proved += bool(
            _compare(policy, sites, [view_of(facts) for facts in asked if facts is not None])
        )

    compare()
    assert proved > 20
