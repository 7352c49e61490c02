"""Webhooks, wired to the store; tests/e2e/test_webhooks.py runs them whole."""

from dfks_rules.app.webhooks import node_of


def test_a_server_has_one_name_in_all_its_lives() -> None:
    """It is made of what is the same in all of them, and does not tell it."""
    assert node_of(b"secret" * 4) == node_of(b"secret" * 4)
    assert node_of(b"secret" * 4) != node_of(b"other" * 4)
    assert len(node_of(b"secret" * 4)) == 12
