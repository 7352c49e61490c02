"""What our errors mean to a JSON-RPC client."""

from dfks_rules.errors import DfksError, MalformedMessageError, StoreError
from dfks_rules.mi.errors import INVALID_PARAMS, UNAVAILABLE, translate


def test_store_failure_says_that_trying_again_may_help() -> None:
    """An operator's script has to tell it from a refusal."""
    error = translate(StoreError("store_unavailable", "disk is full"))
    assert (error.code, error.message, error.data) == (
        UNAVAILABLE,
        "Store unavailable",
        "disk is full",
    )
    assert translate(StoreError("store_conflict", "changed")).code == 409


def test_malformed_value_is_the_callers_fault() -> None:
    """An address that cannot be parsed is a bad parameter."""
    error = translate(MalformedMessageError("sip_malformed_uri", "malformed SIP URI"))
    assert (error.code, error.data) == (INVALID_PARAMS, "malformed SIP URI")


def test_unknown_code_is_a_failure_of_the_server() -> None:
    """A new code must not crash the door."""
    assert translate(DfksError("new_code", "something")).code == 500
