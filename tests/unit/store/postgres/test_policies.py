"""Scopes; what the engine says of policies is in tests/contract."""

from dfks_rules.store.postgres.policies import ALL_NODES, scope_of


def test_a_node_has_a_scope_of_its_own_whatever_its_name() -> None:
    """None is that of all nodes."""
    scopes = [scope_of(name) for name in (None, "node-1", "*")]
    assert len(set(scopes)) == 3
    assert scopes[0] == ALL_NODES
