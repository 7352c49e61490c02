"""Hours in the zone of each user."""

from contextlib import closing
from datetime import UTC, datetime

import pytest

from dfks_rules.errors import Finding
from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.read_hours import MAX_ZONES
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.changed_proof import Side, prove_whole
from tests.helpers.policy import source

USERS = "user,domain,zone\nalice,example.com,Europe/Berlin\nbob,example.com,America/New_York\n"
HEAD = 'schedules: {office: {tz: {from: user.zone}, weekly: ["Daily 08:00-18:00"]}}\n'
RULES = {
    "during": "{op: get, time: {during: office}}",
    "outside": "{op: get, not: {time: {outside: office}}}",
    "now": "{op: get, all: [{now: {during: office}}]}",
}


def files(condition: str, users: str = USERS, then: str = "{status: 1}") -> list[Source]:
    """One rule, and the users."""
    return [source(f"- {{id: r, {condition}, then: {then}}}", HEAD), Source("users.csv", users)]


def is_lit(condition: str, user: str, at: str) -> bool:
    """Whether the rule matches a get of a user, where the server is in London."""
    policies = load(files(condition))
    aor = Aor(user, "example.com")
    request = FeatureRequest(
        Operation.GET, aor, Requester(Origin.WATCHER, aor), Feature.DO_NOT_DISTURB
    )
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    decision = policies.decide(request, NOTHING_STORED, moment)
    policies.close()
    return bool(decision.matched)


@pytest.mark.parametrize("condition", RULES.values(), ids=RULES)
@pytest.mark.parametrize(
    ("user", "at", "within"),
    [
        ("alice", "2026-01-05T07:30", True),
        ("bob", "2026-01-05T07:30", False),
        ("carol", "2026-01-05T07:30", False),
        ("alice", "2026-01-05T17:30", False),
        ("bob", "2026-01-05T17:30", True),
        ("carol", "2026-01-05T17:30", True),
        ("bob", "2026-01-05T22:59", True),
        ("carol", "2026-01-05T18:00", False),
    ],
)
def test_hours_are_on_the_clock_of_the_user(
    condition: str, user: str, at: str, within: bool
) -> None:
    """Who has no zone lives where the server does."""
    assert is_lit(f"when: {condition}", user, at) is within
    assert is_lit(f"when: {{op: get}}, unless: {condition}", user, at) is not within


def test_a_tenant_says_its_zone_once() -> None:
    """For one schedule that all tenants share; what a change of it changes is shown."""
    head = "apiVersion: dfks/v1\nkind: Directory\nmetadata: {name: d}\ndomain: acme.example\n"
    users = "user,domain\nalice,acme.example\nbob,other.example\n"
    sides = []
    for zone in ("Europe/Berlin", "America/New_York"):
        sources = files(f"when: {RULES['during']}", users)
        sources.append(Source("d.yaml", f"{head}attributes: {{zone: {zone}}}\n"))
        sides.append(Side(sources, compile_policies(sources)))
    lit = []
    for at in ("2026-01-05T07:30", "2026-01-05T17:30"):
        with closing(load(sides[0].sources)) as policies:
            for name in ("alice@acme.example", "bob@other.example"):
                aor = Aor(*name.split("@"))
                request = FeatureRequest(
                    Operation.GET, aor, Requester(Origin.WATCHER, aor), Feature.DO_NOT_DISTURB
                )
                moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
                lit.append(bool(policies.decide(request, NOTHING_STORED, moment).matched))
    assert lit == [True, False, False, True]
    proof, (changed,) = prove_whole(sides[0], sides[1], Horizon())
    assert changed.file.lines == (
        "`alice@acme.example`: zone `America/New_York`, was `Europe/Berlin`",
    )
    assert proof.groups
    assert (proof.different, proof.doubts) == ({Operation.GET}, [])


def wrong(users: str, condition: str = "when: {op: get, time: {during: office}}") -> list[Finding]:
    """What is wrong with a directory that has these zones."""
    return check(files(condition, users)).findings


def test_zones_that_are_none_are_told_at_the_schedule() -> None:
    """The directory does not know what its columns are for."""
    (finding,) = wrong(USERS.replace("Berlin", "Berlim"))
    assert finding.code == "policy_schedule"
    assert finding.message == (
        "in the directory, `user.zone`: unknown time zone `Europe/Berlim` (did you mean"
        " `Europe/Berlin`?)"
    )


def test_zones_are_bounded() -> None:
    """A rule has an alternative for each."""
    some = [f"Etc/GMT+{n}" for n in range(1, 13)] + [f"Etc/GMT-{n}" for n in range(1, 15)]
    some += ["Europe/Berlin", "Europe/Paris", "Europe/Rome", "Europe/Oslo", "Asia/Tokyo"]
    assert len(some) == MAX_ZONES + 1
    rows = [f"u{n},example.com,{zone}" for n, zone in enumerate(some)]
    assert wrong("\n".join(["user,domain,zone", *rows[1:]])) == []
    (finding,) = wrong("\n".join(["user,domain,zone", *rows]))
    assert finding.message == "users have 31 different values of `user.zone`; at most 30"


@pytest.mark.parametrize(
    ("user", "ends"),
    [
        ("alice", "2026-01-05T17:00+00:00"),
        ("bob", None),
        ("carol", "2026-01-05T18:00+00:00"),
    ],
)
def test_what_expires_ends_on_the_clock_of_the_user(user: str, ends: str | None) -> None:
    """At noon it is seven o'clock for Bob, so his set is outside of the hours, and stays."""
    condition = "when: {op: set, request.status: 1, feature: DoNotDisturb}"
    policies = load(files(condition, then="{expire: {during: office}}"))
    aor, asked = Aor(user, "example.com"), FeatureState(status=True, values=())
    request = FeatureRequest(
        Operation.SET, aor, Requester(Origin.WATCHER, aor), Feature.DO_NOT_DISTURB, asked
    )
    decision = policies.decide(request, NOTHING_STORED, datetime(2026, 1, 5, 12, tzinfo=UTC))
    policies.close()
    assert decision.expires == (ends and datetime.fromisoformat(ends))
