"""The schema of proofs."""

from jsonschema import Draft202012Validator

from dfks_rules.policy.studying.proof_schema import proof_editor_schema, proof_schema


def test_schemas_are_valid_json_schemas() -> None:
    """That of the server, and that of editors."""
    Draft202012Validator.check_schema(proof_schema())
    Draft202012Validator.check_schema(proof_editor_schema())


def test_proofs_expect_in_the_words_of_cases() -> None:
    """What only a single case has is left out."""
    proof = proof_schema()["properties"]["proofs"]["items"]["properties"]
    expect, some = proof["expect"]["properties"], proof["some"]["properties"]
    assert set(expect) == {*some, "as"}
    assert {"decision", "reason", "by", "values"} <= set(some)
    assert "matched" not in some
