"""Number plans: what they say of domains and prefixes, and what is wrong with them."""

import pickle

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.reading.read_number_plan import make_number_plan, read_number_plan
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan

HEAD = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\n"
ACME = """\
country: DE
domains:
  acme.example:
    country: GB
    internal: {lengths: [3, 4], prefixes: ["2", "3"]}
    outside: "9"
    area: "20"
  other.example: {outside: "0"}
classes:
  premium: ["+49900", "+491379"]
  my-blocked: ["+1900", "+1"]
"""


def plan_of(*texts: str, tenant: str | None = None) -> tuple[NumberPlan, list[Finding]]:
    """The plan of some files, and what is wrong with them."""
    files, findings = [], []
    for number, text in enumerate(texts):
        file, wrong = read_number_plan(Source(f"{number}.yaml", HEAD + text, tenant))
        findings += wrong
        files += [file] if file else []
    plan, more = make_number_plan(files)
    return plan, findings + more


def test_a_plan_says_how_each_domain_dials() -> None:
    """A domain that is not named has the country of the file."""
    plan, findings = plan_of(ACME)
    assert findings == []
    assert plan.dialling("acme.example") == Dialling("GB", (3, 4), ("2", "3"), "9", "20")
    assert plan.dialling("other.example") == Dialling("DE", outside="0")
    assert plan.dialling("third.example") == Dialling("DE")


def test_the_longest_prefix_gives_the_class() -> None:
    """`1` blocked and `1900` of another kind is how exceptions are written."""
    plan = NumberPlan(prefixes={"+1": "far", "+1900": "blocked", "+49900": "premium"})
    assert plan.class_of("+19005550100") == "blocked"
    assert plan.class_of("+12025550100") == "far"
    assert plan.class_of("+49900") == "premium"
    assert plan.class_of("+4990") is None


def test_without_a_file_nothing_is_known() -> None:
    """The server works before anyone writes a plan."""
    plan, findings = plan_of()
    assert (plan, findings) == (NumberPlan(), [])
    assert plan.dialling("a.example") == Dialling()


def test_several_files_make_one_plan() -> None:
    """The prefixes come from a supplier, the domains from the operator."""
    plan, findings = plan_of(
        "classes: {premium: ['+49900']}", "country: DE", "domains: {a.example: {area: '30'}}"
    )
    assert findings == []
    assert plan.class_of("+499001") == "premium"
    assert plan.dialling("a.example") == Dialling("DE", area="30")


def test_a_plan_can_be_pickled() -> None:
    """Policies are compiled in a child process."""
    plan, _ = plan_of(ACME)
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("country: UK", 4, 10, "`UK` is not a country of ISO 3166, like `DE` (did you mean `GB`?)"),
        ("country: de", 4, 10, "`de` is not a country of ISO 3166, like `DE` (did you mean `DE`?)"),
        ("country: 49", 4, 10, '`country` must be text: put it in quotes, `"49"`'),
        ("domains: {a: {country: QQ}}", 4, 24, "`QQ` is not a country of ISO 3166, like `DE`"),
        ("domains: {A.b: {}}", 4, 11, "`A.b` is not a domain in lower case"),
        ("domains: {a: {outside: x}}", 4, 24, "`x` is not 1 to 8 digits"),
        ("domains: {a: {area: '+49'}}", 4, 21, "`+49` is not 1 to 8 digits"),
        ("domains: {a: {internal: {lengths: [9]}}}", 4, 36, "entry 1 of `lengths` must be at mo"),
        ("domains: {a: {internal: {prefixes: ['2']}}}", 4, 15, "`internal` has no `lengths`"),
        ("domains: {a: {internal: {lengths: [3], prefixes: ['+']}}}", 4, 51, "`+` is not 1 to 8"),
        ("domains: {a: {outsid: '0'}}", 4, 15, "unknown key `outsid` (did you mean `outside`?)"),
        ("classes: {p: ['0900']}", 4, 15, "`0900` is not the start of an E.164 number, like"),
        ("classes: {Pre: ['+1']}", 4, 11, "`Pre` is not a name of lower-case letters, digits"),
        ("classes: {p: ['+1'], q: ['+2', '+1']}", 4, 32, "`+1` is already of class `p`"),
    ],
)
def test_findings_have_their_place(text: str, line: int, column: int, message: str) -> None:
    """Authors see where, and what is wanted."""
    _, (finding,) = plan_of(text + "\n")
    assert (finding.line, finding.column) == (line, column)
    assert finding.message.startswith(message)


def test_files_must_not_contradict_each_other() -> None:
    """Which one holds must not depend on the order of files."""
    _, findings = plan_of(
        "country: DE\ndomains: {a.example: {}}\nclasses: {p: ['+1']}",
        "country: GB\ndomains: {a.example: {}}\nclasses: {q: ['+1']}",
    )
    assert [finding.message for finding in findings] == [
        "country is `GB` here and `DE` in another file",
        "domain `a.example` is already in another file",
        "`+1` is already of class `p`",
    ]


def test_a_tenant_plans_its_own_domain_only() -> None:
    """Or it would make premium numbers of others national."""
    _, findings = plan_of("country: DE\nclasses: {p: ['+1']}\n", tenant="a.example")
    assert [finding.message for finding in findings] == [
        "`classes` is for every domain; a tenant's file may only have `domains`",
        "`country` is for every domain; a tenant's file may only have `domains`",
    ]
    _, (finding,) = plan_of("domains: {b.example: {}}", tenant="a.example")
    assert finding.message == "domain `b.example` is not this tenant's domain, `a.example`"
    assert plan_of("domains: {a.example: {outside: '0'}}", tenant="a.example")[1] == []
