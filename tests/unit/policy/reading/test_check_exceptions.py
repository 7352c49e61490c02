"""Files of kind Exception: whether they may lift what they name, and where they take part."""

import pytest

from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

DENY = "- {id: r, when: {op: set, feature: DoNotDisturb, user: al}, then: {deny: %s}}"
LIFTABLE = source(DENY % "{reason: no, exceptions: true}")


def exception(more: str = "", name: str = "e", tenant: str | None = None) -> Source:
    """An Exception of the policy `p`."""
    head = f"apiVersion: dfks/v1\nkind: Exception\nmetadata: {{name: {name}}}\nwhy: because\n"
    text = more if "for:" in more else f"for: [p/r]\n{more}"
    return Source(f"{name}.yaml", f"{head}{text}\n", tenant)


def told(*sources: Source) -> list[tuple[str, str]]:
    """Code and message of each finding."""
    return [(one.code, one.message) for one in check(sources).findings]


def test_an_exception_becomes_a_rule_that_lifts() -> None:
    """In the place of its file, with its own name; only where the denial can be."""
    checked = check([exception("when: {user: boss}\nuntil: 2026-12-31"), LIFTABLE])
    assert checked.findings == []
    first, second = checked.policies
    (rule,) = first.policy.rules
    assert (rule.id, rule.effects.lifts, rule.effects.denial) == ("e/exception", ("p/r",), None)
    assert second.policy.rules[0].effects.exceptions
    ((way,),) = first.alternatives
    assert [QUESTIONS[one][0] for one in way.questions] == [Operation.SET]
    assert {(one.atom.fact, one.atom.matcher) for one in way.literals} == {
        ("user", "eq"),
        ("date", "le"),
    }


def test_an_exception_takes_part_in_the_domains_of_its_denials_only() -> None:
    """A site of a thousand tenants asks it for one of them."""
    denial = source(DENY % "{reason: no, exceptions: true}", "scope: {domain: a.example}")
    ((way,),) = check([exception(), denial]).policies[0].alternatives
    assert way.domains == frozenset({"a.example"})


@pytest.mark.parametrize(
    ("denial", "more", "code", "message"),
    [
        (
            "no",
            "",
            "policy_exception",
            "rule `p/r` allows no exceptions; it would say `den",
        ),
        (
            "{reason: no, exceptions: true}",
            "for: [p/x]",
            "policy_unknown_rule",
            "unknown rule `p/x` (did you mean `p/r`?)",
        ),
    ],
)
def test_what_cannot_be_lifted_is_told(denial: str, more: str, code: str, message: str) -> None:
    """Otherwise the boss would find out."""
    ((seen, text),) = told(source(DENY % denial), exception(more))
    assert seen == code
    assert text.startswith(message)


def test_what_denies_nothing_cannot_be_lifted() -> None:
    """Whoever wrote that meant another rule."""
    rule = source("- {id: r, when: {op: set}, then: {status: 0}}")
    assert told(rule, exception()) == [("policy_exception", "rule `p/r` denies nothing")]


def test_a_mandatory_denial_takes_a_mandatory_exception() -> None:
    """And a normal one takes either."""
    mandatory = LIFTABLE._replace(text=LIFTABLE.text.replace("rules:", "band: mandatory\nrules:"))
    ((code, message),) = told(mandatory, exception())
    assert code == "policy_exception"
    assert message == "rule `p/r` is mandatory; only an Exception with `band: mandatory` lifts it"
    assert told(mandatory, exception("band: mandatory")) == []
    assert told(LIFTABLE, exception("band: mandatory")) == []


def test_a_tenants_exception_is_for_its_domain_and_never_mandatory() -> None:
    """It may lift what everybody's policy lets be lifted."""
    ((way,),) = check([exception(tenant="a.example"), LIFTABLE]).policies[0].alternatives
    assert way.domains == frozenset({"a.example"})
    found = told(exception("band: mandatory", tenant="a.example"), LIFTABLE)
    assert [code for code, _ in found] == ["policy_tenant"]


def test_rules_of_files_that_cannot_be_read_are_not_called_unknown() -> None:
    """One mistake gives one finding."""
    for mistake in (("rules:", "rulez:"), ("reason:", "raeson:"), ("apiVersion", "{")):
        broken = LIFTABLE._replace(text=LIFTABLE.text.replace(*mistake))
        found = [code for code, _ in told(broken, exception())]
        assert found
        assert "policy_unknown_rule" not in found
    other = source("- {id: r, then: {stauts: 0}}", name="q")
    found = [code for code, _ in told(LIFTABLE, other, exception("for: [p/x]"))]
    assert sorted(found) == ["policy_unknown_effect", "policy_unknown_rule"]


def test_what_is_off_can_be_named() -> None:
    """Who turns a rule off for a day does not look for the exceptions to it."""
    off = LIFTABLE._replace(text=LIFTABLE.text.replace("id: r,", "id: r, mode: off,"))
    assert told(off, exception()) == []
    off = LIFTABLE._replace(text=LIFTABLE.text.replace("rules:", "mode: off\nrules:"))
    assert told(off, exception()) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("when: {usr: boss}", "policy_unknown_fact"),
        ("until: 2026-02-30", "policy_value"),
        ("until: tomorrow", "policy_value"),
        ("when: {time: {during: office}}", "policy_unknown_schedule"),
        ("when: {user: {var: x}}", "policy_unknown_variable"),
        ("when: {user: a}\nunless: {user: a}", "policy_never_matches"),
        ("band: default", "policy_value"),
        ("mode: shadow", "policy_unknown_key"),
        ("for: [r]", "policy_value"),
        ("for: []", "policy_value"),
    ],
)
def test_exceptions_are_checked_as_policies_are(more: str, code: str) -> None:
    """The same conditions, the same findings."""
    assert [seen for seen, _ in told(LIFTABLE, exception(more))] == [code]


def test_exceptions_have_variables_and_schedules() -> None:
    """As policies have."""
    more = (
        "vars: {who: [boss, chief]}\nschedules: {office: {weekly: ['Mon-Fri 08:00-18:00']}}\n"
        "when: {user: {var: who}, time: {during: office}}"
    )
    assert told(LIFTABLE, exception(more)) == []


def test_names_are_unique_among_policies_and_exceptions() -> None:
    """Explanations name both alike."""
    assert [code for code, _ in told(LIFTABLE, exception(name="p"))] == ["policy_duplicate_name"]
