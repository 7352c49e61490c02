"""Rules as operators see them."""

from dfks_rules.app.desk.rule_rows import rule_rows
from dfks_rules.operations.policies import HoursRow
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import Source

POLICY = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: house}
priority: 10
schedules:
  night:
    tz: Europe/Berlin
    weekly: [Fri 22:00-06:00, "Mon 08:00-12:00 in odd weeks"]
    except: [12-24..12-26, easter+1, 2nd Mon of Sep, 2026-05-01]
    also: ["2026-12-05 09:00-24:00"]
rules:
- id: closed
  when: {op: set, time: {during: night}, feature: DoNotDisturb}
  then: {deny: {reason: closed, exceptions: true}}
- id: store
  when: {op: set}
  then: {status: request, notify: true}
"""
TENANT = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: theirs}
rules:
- {id: quiet, when: {op: get}, then: {log: "${user}"}}
"""
EXCEPTION = """\
apiVersion: dfks/v1
kind: Exception
metadata: {name: boss}
for: [house/closed]
why: He asked for it.
when: {user: boss}
"""


def test_each_rule_is_told_with_its_file_its_tenant_and_what_it_says() -> None:
    """In order of precedence."""
    sources = [
        Source("p/house.yaml", POLICY),
        Source("p/boss.yaml", EXCEPTION),
        Source("p/tenants/a.example/theirs.yaml", TENANT, "a.example"),
    ]
    policies = load(sources)
    policies.close()
    rows = [*rule_rows(policies, sources)]
    assert [(row.rule, row.file, row.tenant, row.says) for row in rows] == [
        ("boss/exception", "p/boss.yaml", None, ("lifts",)),
        ("theirs/quiet", "p/tenants/a.example/theirs.yaml", "a.example", ("log",)),
        ("house/closed", "p/house.yaml", None, ("deny",)),
        ("house/store", "p/house.yaml", None, ("status", "notify")),
    ]


def test_the_schedule_of_a_rule_is_told_as_a_week_with_its_exceptions_by_name() -> None:
    """It is drawn, and told in words."""
    sources = [Source("p/house.yaml", POLICY)]
    policies = load(sources)
    policies.close()
    closed, store = rule_rows(policies, sources)
    (night,) = closed.schedules
    assert (night.name, night.zone) == ("night", "Europe/Berlin")
    assert night.hours == (HoursRow(0, 480, 720, "odd"), HoursRow(4, 1_320, 1_800, "every"))
    assert night.excepted == ("12-24..12-26", "easter+1", "2nd Mon of Sep", "2026-05-01")
    assert night.extra == ("2026-12-05 09:00-24:00",)
    assert store.schedules == ()
