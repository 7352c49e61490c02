"""The table of wire words."""

from dfks_rules.csta.names import ACCEPT, CONTENT_TYPE, TABLE, markup
from dfks_rules.model.features import FEATURES, ROWS, VALUES_OF


def test_table_has_one_row_for_each_feature_in_their_order() -> None:
    """A feature without a row could be decided on but never told."""
    assert tuple(words.feature for words in TABLE) == FEATURES


def test_table_names_exactly_the_values_that_each_feature_has() -> None:
    """A value without a word would be lost between phone and policy."""
    for words in TABLE:
        said = {value: None for one in words.sayings for value, _ in one.values}
        elements = [element.value for element in words.elements]
        assert (*said, *elements) == VALUES_OF[words.feature]


def test_requests_are_told_apart_by_root_and_forwarding_type() -> None:
    """Two rows with one key would make a set change the wrong feature."""
    assert len({(words.request_root, words.forwarding_type) for words in TABLE}) == len(TABLE)


def test_accept_lists_a_document_and_a_multipart() -> None:
    """Goes into the Accept header of a 415 (RFC 3261 §8.2.3)."""
    assert ACCEPT.split(", ") == [CONTENT_TYPE, "multipart/mixed"]


def test_sayings_of_a_feature_differ_in_requests_and_in_events() -> None:
    """Else two states would be told as one."""
    for words in TABLE:
        texts = [text.lower() for one in words.sayings for text in one.request]
        assert len(set(texts)) == len(texts)
        assert len({(one.event_root, one.event) for one in words.sayings}) == len(words.sayings)
        assert {one.status for one in words.sayings} == {True, False}


def test_words_for_a_status_are_those_of_the_table_of_features() -> None:
    """Policies and bodies must mean the same by `ready`."""
    for words in TABLE:
        spelling = ROWS[words.feature].spelling
        for one in words.sayings:
            if spelling is None:
                assert one.values == ()
            else:
                ((value, word),) = one.values
                assert value is spelling.value
                assert spelling.status_of(word) is one.status


def test_markup_nests_a_path_and_declares_a_namespace_on_the_parent() -> None:
    """`%s` is where the text goes."""
    assert markup("a") == "<a>%s</a>"
    assert markup("a/b", "urn:x") == '<a xmlns:pri="urn:x"><pri:b>%s</pri:b></a>'
