"""Every code of findings about policies, cases, proofs, directories and number plans.

`docs/reference/findings.md` has a section for each: what it means, an example, and how to fix it.
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
    "policy_yaml": Code("error", "not valid YAML, or YAML that policies do not support"),
    "policy_duplicate_key": Code("error", "a key appears twice"),
    "policy_null": Code("error", "a value is empty"),
    "policy_limit": Code("error", "something is too long, too deep or too many"),
    "policy_missing": Code("error", "a required key is missing"),
    "policy_unknown_key": Code("error", "unknown key"),
    "policy_unknown_fact": Code("error", "unknown fact"),
    "policy_unknown_matcher": Code("error", "unknown matcher"),
    "policy_unknown_effect": Code("error", "unknown effect"),
    "policy_unknown_schedule": Code("error", "the file has no such schedule"),
    "policy_unknown_variable": Code(
        "error", "neither the file nor a Vars file has such a variable"
    ),
    "policy_unknown_list": Code("error", "no file has such a list"),
    "policy_calendar": Code("error", "a calendar file cannot be used"),
    "policy_unknown_class": Code("error", "no number plan has such a class"),
    "policy_unknown_rule": Code("error", "no file has such a rule"),
    "policy_type": Code("error", "a value is of the wrong type"),
    "policy_value": Code("error", "a value is not valid"),
    "policy_schedule": Code("error", "a schedule is not valid"),
    "policy_variable": Code(
        "error", "a variable has an invalid value, or is used in the wrong place"
    ),
    "policy_csv": Code("error", "a line or the header of a CSV file is malformed"),
    "policy_duplicate_name": Code("error", "two files have the same name"),
    "policy_duplicate_id": Code("error", "two rules of a file have the same id"),
    "policy_inconsistent": Code("error", "two files contradict each other"),
    "policy_fact": Code("error", "a rule tests a fact that its operations do not have"),
    "policy_effect": Code("error", "an effect does not fit its rule"),
    "policy_exception": Code("error", "an Exception cannot lift a denial that it names"),
    "policy_never_matches": Code("error", "a rule can never match"),
    "policy_tenant": Code("error", "a tenant's file reaches beyond its domain"),
    "policy_case": Code("error", "the facts of a case do not describe a request"),
    "policy_proof_refuted": Code("error", "a proof is refuted by a request"),
    "policy_always_matches": Code("warning", "a condition excludes nothing"),
    "policy_no_effect": Code("warning", "an effect never applies"),
    "policy_duplicate_rule": Code("warning", "two rules are the same"),
    "policy_shadowed": Code("warning", "earlier rules decide all that a rule would decide"),
    "policy_conflict": Code("warning", "only file names decide which of two rules wins"),
    "policy_bars_switching_off": Code("warning", "a denial also bars switching the feature off"),
    "policy_bars_others": Code(
        "warning", "a denial also bars operations without the fact it tests"
    ),
    "policy_overruled": Code("warning", "a later denial overrules an exception"),
    "policy_expired": Code("warning", "an Exception has expired"),
    "policy_needless_exception": Code("warning", "an Exception can never lift a denial"),
    "policy_literal_text": Code("warning", "`${fact}` or `*` is in a text where it means itself"),
    "policy_unknown_group": Code("warning", "no directory has such a group"),
    "policy_unknown_attribute": Code("warning", "no directory has such an attribute"),
    "policy_unknown_column": Code("warning", "a column looks like a misspelt one"),
    "policy_mixed_letters": Code("warning", "a word mixes letters of two alphabets"),
    "policy_many_follow": Code("warning", "more sets can follow from one than the server allows"),
    "policy_no_country": Code("warning", "a rule tests numbers, but no plan names a country"),
    "policy_bars_own_numbers": Code(
        "warning", "a rule bars numbers abroad, and so some of the site's own country"
    ),
    "policy_redundant": Code("warning", "a rule changes nothing (`--complete`)"),
    "policy_made_target": Code("warning", "a rule stores a target that a proof says nothing of"),
    "policy_vacuous_proof": Code("warning", "a proof is about no request"),
    "policy_proof_open": Code("warning", "a proof is not decided"),
    "policy_unused_variable": Code("warning", "a variable is never used"),
    "policy_needless_allow": Code("warning", "a comment allows a warning that does not occur"),
}
"""Code → its row, in the order of the documentation."""
