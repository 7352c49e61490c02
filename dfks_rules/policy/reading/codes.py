"""Every code that a finding about policies, cases, directories and number plans can have.

`docs/reference/findings.md` has a section for each: what it means, an example, how to mend it.
"""

from typing import Literal, NamedTuple


class Code(NamedTuple):
    """One row of the table."""

    severity: Literal["error", "warning"]
    """An error means that the file cannot be used."""
    title: str
    """What is wrong, in a few words."""


CODES: dict[str, Code] = {
    "policy_unreadable": Code("error", "the file cannot be read"),
    "policy_yaml": Code("error", "the file is not YAML that policies use"),
    "policy_duplicate_key": Code("error", "a key is there twice"),
    "policy_null": Code("error", "a value is empty"),
    "policy_limit": Code("error", "something is too long, too deep or too many"),
    "policy_missing": Code("error", "a key that has to be there is not"),
    "policy_unknown_key": Code("error", "there is no such key"),
    "policy_unknown_fact": Code("error", "there is no such fact"),
    "policy_unknown_matcher": Code("error", "there is no such matcher"),
    "policy_unknown_effect": Code("error", "there is no such effect"),
    "policy_unknown_schedule": Code("error", "there is no such schedule in the file"),
    "policy_unknown_variable": Code("error", "there is no such variable in the file"),
    "policy_unknown_class": Code("error", "no number plan has such a class"),
    "policy_type": Code("error", "a value is of the wrong type"),
    "policy_value": Code("error", "a value is not one of those that can be"),
    "policy_schedule": Code("error", "a schedule says hours or days that cannot be"),
    "policy_variable": Code("error", "a variable cannot have such a value, or not be used there"),
    "policy_csv": Code("error", "a line or the header of a CSV file is not as it must be"),
    "policy_duplicate_name": Code("error", "two files have one name"),
    "policy_duplicate_id": Code("error", "two rules of a file have one id"),
    "policy_inconsistent": Code("error", "two files say different things of one subject"),
    "policy_fact": Code("error", "a fact is absent from everything that the rule is about"),
    "policy_effect": Code("error", "an effect has no meaning for what the rule is about"),
    "policy_never_matches": Code("error", "a rule can never match"),
    "policy_tenant": Code("error", "a file of a tenant reaches for what is not the tenant's"),
    "policy_case": Code("error", "a case gives facts that are not one request"),
    "policy_always_matches": Code("warning", "a condition rules nothing out"),
    "policy_no_effect": Code("warning", "an effect never comes to be"),
    "policy_duplicate_rule": Code("warning", "two rules are the same"),
    "policy_shadowed": Code("warning", "earlier rules decide all that a rule would decide"),
    "policy_conflict": Code("warning", "only the names of files say which of two rules wins"),
    "policy_bars_switching_off": Code("warning", "a denial also bars switching the feature off"),
    "policy_no_country": Code(
        "warning", "numbers are asked for, and no plan says how to read them"
    ),
    "policy_unused_variable": Code("warning", "a variable is never used"),
    "policy_needless_allow": Code("warning", "a comment allows what is not found"),
}
"""Code → what it is, in the order of the documentation."""
