"""Directory and NumberPlan files among the policies."""

from dfks_rules.policy.reading.read_site import read_site
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import ALICE, source

DIRECTORY = """\
apiVersion: dfks/v1
kind: Directory
metadata: {name: users}
domain: example.com
users:
  alice: {groups: [sales], role: owner}
"""
PLAN = """\
apiVersion: dfks/v1
kind: NumberPlan
metadata: {name: numbers}
classes: {mine: ["+1900"]}
"""
CSV = "user,domain,groups,role,numbers\nalice,example.com,export,,+4930123456\n"


def test_files_of_each_kind_make_one_site() -> None:
    """YAML and CSV are one directory; policies are somebody else's."""
    files = [Source("d.yaml", DIRECTORY), Source("n.yaml", PLAN), Source("u.CSV", CSV)]
    site, findings = read_site([source("- {id: r, then: {status: 1}}"), *files])
    assert findings == []
    assert site.directory.groups_of(ALICE) == ("export", "sales")
    assert site.directory.role_of(ALICE) == "owner"
    assert site.targets.analyse("+19005550100", ALICE).class_ == "mine"


def test_attributes_are_kept_if_a_policy_may_read_them() -> None:
    """The others would only need memory."""
    users = Source("u.csv", "user,domain,manager,car\nalice,example.com,bob,blue\n")
    policy = source("- {id: r, when: {user.manager: bob}, then: {log: x}}")
    site, _ = read_site([policy, users])
    assert site.directory.attributes_of(ALICE) == {"manager": "bob"}
    assert site.directory.attributes == {"manager", "car"}


def test_what_is_wrong_with_any_file_is_told() -> None:
    """Also what is wrong between them."""
    broken = Source("n.yaml", PLAN.replace("+1900", "1900"))
    other = Source("e.yaml", DIRECTORY.replace("owner", "guest"))
    _, findings = read_site([Source("d.yaml", DIRECTORY), other, broken])
    assert {(finding.file, finding.code) for finding in findings} == {
        ("n.yaml", "policy_value"),
        ("e.yaml", "policy_inconsistent"),
    }
