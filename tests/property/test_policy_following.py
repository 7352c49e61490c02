"""The bound of sets that follow from one, against what follows, over random rules."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.policy.lint.following import many_follow
from dfks_rules.policy.lint.ranked import ranked
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from dfks_rules.service.cascade import Cascade
from tests.helpers.policy import NOON
from tests.helpers.random_policies import dumped

MANY = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
USERS, DOMAINS = ["u0", "u1", "u2", "x"], ["a.example", "b.example"]
NAMED = st.sampled_from(FEATURES_USED := ["DoNotDisturb", "CallForwardingBusy"])
WHEN = st.fixed_dictionaries(
    {"op": st.just("set")},
    optional={
        "feature": NAMED,
        "user": st.one_of(
            st.sampled_from(USERS), st.just({"prefix": "u"}), st.just({"notIn": ["u0", "x"]})
        ),
        "domain": st.sampled_from(DOMAINS),
        "presentity": st.just({"in": ["sip:u1@a.example", "sip:x@b.example"]}),
        "origin": st.just({"ne": "internal"}),
        "request.status": st.sampled_from([0, 1]),
        "watcher": st.just({"exists": True}),
    },
)
ALSO = st.fixed_dictionaries(
    {"feature": NAMED, "status": st.sampled_from([0, 1, "request"])},
    optional={
        "user": st.sampled_from([*USERS, "${user}1", "${user}-${domain}", "new"]),
        "domain": st.sampled_from([*DOMAINS, "${domain}", "c.example", "sub.${domain}"]),
    },
) | st.fixed_dictionaries(
    {
        "feature": NAMED,
        "status": st.sampled_from([0, 1, "request"]),
        "group": st.sampled_from(["g", "h", "none"]),
    }
)
GROUPS = Source(
    "users.csv",
    "user,domain,groups\nu0,a.example,g h\nu1,a.example,g\ny,b.example,g\nx,b.example,h\n"
    "u1,z.example,h\nu2,z.example,h g\nz,z.example,h\n",
)


@st.composite
def rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rules that let sets follow, of few users, so that they meet."""
    count = draw(st.integers(1, 4))
    return [
        {
            "id": f"r{n}",
            "when": draw(WHEN),
            "then": {"also": draw(st.lists(ALSO, min_size=1, max_size=4))},
        }
        for n in range(count)
    ]


@MANY
@given(rules())
def test_no_cascade_is_longer_than_its_bound(written: list[dict[str, Any]]) -> None:
    """Else the check would say that all is well, and the server refuse the set."""
    head = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": "p"}}
    good = [rule for rule in written if not check([dumped({**head, "rules": [rule]})])[1]]
    file = dumped({**head, "rules": good})
    checked, findings, site = check([file, GROUPS])
    assert not findings
    policies = load([file, GROUPS])
    longest = 0
    for user in [*USERS, "stranger"]:
        for domain in [*DOMAINS, "z.example"]:
            asker = Aor(user, domain)
            for requester in (Requester(Origin.WATCHER, asker), Requester(Origin.OPERATOR)):
                for feature in FEATURES_USED:
                    for status in (False, True):
                        cascade = Cascade(
                            policies, lambda _: NOTHING_STORED, lambda _: NOWHERE, NOON, 10_000
                        )
                        asked = Asked(Feature(feature), FeatureState(status))
                        cascade.ask(asker, asked, requester)
                        changes = cascade.drafts.values()
                        sets = sum(len(change.outcomes) for change in changes)
                        longest = max(longest, sets - 1)
    policies.close()
    assert not longest or list(many_follow(ranked(checked), site.directory, longest - 1))
