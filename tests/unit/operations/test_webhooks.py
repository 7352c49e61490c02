"""Records of webhooks."""

from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, GAP, POLICIES_CHANGED
from dfks_rules.operations.webhooks import Endpoint

ALICE = Aor("alice", "example.com")
ALL = Endpoint(
    "wh_1", "https://a.example/", "new", frozenset([FEATURE_CHANGED, POLICIES_CHANGED]), "ops", 0.0
)


def test_an_endpoint_wants_its_types() -> None:
    """And is told of every gap."""
    assert ALL.wants(FEATURE_CHANGED, ALICE)
    assert ALL.wants(POLICIES_CHANGED, None)
    assert ALL.wants(GAP, None)
    assert not ALL.wants("feature-refused", ALICE)


def test_an_endpoint_with_domains_wants_nothing_of_others() -> None:
    """Nor what is about all."""
    one = ALL._replace(domains=frozenset(["example.com"]))
    assert one.wants(FEATURE_CHANGED, ALICE)
    assert not one.wants(FEATURE_CHANGED, Aor("alice", "other.example"))
    assert not one.wants(POLICIES_CHANGED, None)
    assert one.wants(GAP, None)


def test_an_old_secret_signs_until_its_time_is_over() -> None:
    """The new one first."""
    one = ALL._replace(old_secret="old", old_until=10.0)  # noqa: S106
    assert ALL.secrets(0.0) == ("new",)
    assert one.secrets(9.9) == ("new", "old")
    assert one.secrets(10.0) == ("new",)
