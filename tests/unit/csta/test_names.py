"""The table of wire words."""

from dfks_rules.csta.names import ACCEPT, CONTENT_TYPE, TABLE
from dfks_rules.model.features import FEATURES, VALUES_OF


def test_table_has_one_row_for_each_feature_in_their_order() -> None:
    """A feature without a row could be decided on but never told."""
    assert tuple(words.feature for words in TABLE) == FEATURES


def test_table_names_exactly_the_values_that_each_feature_has() -> None:
    """A value without a word would be lost between phone and policy."""
    for words in TABLE:
        assert tuple(element.value for element in words.elements) == VALUES_OF[words.feature]


def test_requests_are_told_apart_by_root_and_forwarding_type() -> None:
    """Two rows with one key would make a set change the wrong feature."""
    assert len({(words.request_root, words.forwarding_type) for words in TABLE}) == len(TABLE)


def test_accept_lists_a_document_and_a_multipart() -> None:
    """Goes into the Accept header of a 415 (RFC 3261 §8.2.3)."""
    assert ACCEPT.split(", ") == [CONTENT_TYPE, "multipart/mixed"]
