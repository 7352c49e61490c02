"""Tokens."""

from dfks_rules.app.tokens import Tokens


def test_tokens_do_not_repeat_across_batches() -> None:
    """A repeated tag would join two dialogs."""
    tokens = Tokens()
    drawn = [tokens.token() for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert {len(token) for token in drawn} == {16}


def test_tag_is_the_same_for_a_repeat_and_unknown_to_others() -> None:
    """RFC 3261 §8.2.7; another process has another key."""
    tokens = Tokens()
    assert tokens.tag_of(b"call") == tokens.tag_of(b"call") != tokens.tag_of(b"other")
    assert Tokens().tag_of(b"call") != tokens.tag_of(b"call")
