"""What is known of a user."""

from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.presence.account import Account
from dfks_rules.sip.digest import Algorithm


def test_an_account_has_a_hash_for_each_algorithm() -> None:
    """And one identity for all that its user does."""
    aor = Aor("alice", "example.com")
    account = Account(aor, b"m", None)
    assert account.ha1(Algorithm.MD5) == b"m"
    assert account.ha1(Algorithm.SHA_256) is None
    assert account.identity == Identity(aor, AuthMethod.DIGEST, "alice")
