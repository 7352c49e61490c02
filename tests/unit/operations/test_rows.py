"""Rows of imports and exports."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Choice, Integer, Text
from dfks_rules.operations.rows import (
    COLUMNS,
    Format,
    Row,
    columns_of,
    head,
    row_of_cells,
    row_of_json,
    told,
    written,
)
from tests.helpers.states import forwarding, some_state

ALICE = Aor("alice", "example.com")


def test_a_row_of_csv_says_what_a_feature_is_to_be() -> None:
    """Columns stand in any order; an empty cell says nothing."""
    columns = columns_of("status,feature,presentity,forwardTo,ringCount")
    cells = ["on", "CallForwardingNoAnswer", "alice@example.com", " +4930123 ", ""]
    state = forwarding(True, "+4930123")
    assert row_of_cells(columns, cells) == Row(
        ALICE, (Asked(Feature.CALL_FORWARDING_NO_ANSWER, state),)
    )


def test_a_line_of_json_has_the_same_names_or_all_features() -> None:
    """What `/v1/presentities` lists can be imported as it is."""
    flat = b'{"presentity": "sip:alice@example.com", "feature": "DoNotDisturb", "status": "off"}'
    assert row_of_json(flat) == Row(ALICE, (Asked(Feature.DO_NOT_DISTURB, OFF),))
    listed = (
        b'{"presentity": "sip:alice@example.com", "revision": 7, "features": {"DoNotDisturb": '
        b'{"status": "off"}, "CallForwardingNoAnswer": {"status": "on", "ringCount": 4}}}'
    )
    assert row_of_json(listed).asked == (
        Asked(Feature.DO_NOT_DISTURB, OFF),
        Asked(Feature.CALL_FORWARDING_NO_ANSWER, forwarding(True, rings=4)),
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no column `presentity`"),
        ("presentity,feature", "no column `status`"),
        ("presentity,feature,status,colour", "no column `colour`"),
        ("presentity,feature,status,status", "`status` twice"),
    ],
)
def test_a_first_line_that_names_other_columns_is_refused(line: str, why: str) -> None:
    """A column that is spelled wrong must not be passed over in silence."""
    with pytest.raises(ValueError, match=why):
        columns_of(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"feature": "DoNotDisturb", "status": "on"}', "`presentity` is missing"),
        (b'{"presentity": "alice", "feature": "DoNotDisturb", "status": "on"}', "presentity: "),
        (b'{"presentity": "a@b", "feature": "Dnd", "status": "on"}', "`Dnd` is not one of"),
        (b'{"presentity": "a@b", "feature": "DoNotDisturb"}', "neither `on` nor `off`"),
        (b'{"presentity": "a@b", "feature": "DoNotDisturb", "status": true}', "neither a text"),
        (
            b'{"presentity": "a@b", "feature": "DoNotDisturb", "status": "on", "ringCount": 4}',
            "DoNotDisturb: the feature takes no values, not `ringCount`",
        ),
        (b'{"presentity": "a@b", "features": {}}', "`features` is not"),
        (b'{"presentity": "a@b", "features": {"DoNotDisturb": 1}}', "a state is an object"),
        (b'{"presentity": "a@b", "colour": "red", "features": {}}', "`colour` is not known"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(line: bytes, why: str) -> None:
    """It is a line of the report."""
    with pytest.raises(ValueError, match=why):
        row_of_json(line)


def test_a_row_with_other_cells_than_the_first_line_is_refused() -> None:
    """A comma too many shifts what follows."""
    with pytest.raises(ValueError, match="3 cells"):
        row_of_cells(COLUMNS, ["a@b", "DoNotDisturb", "on"])


@given(st.data())
def test_what_is_exported_can_be_imported(data: st.DataObject) -> None:
    """In both formats, whatever is stored."""

    def pick(kind: Text | Integer | Choice) -> str | int | None:
        match kind:
            case Text():
                texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
                usable = texts.filter(lambda text: text.isprintable() and text == text.strip())
                return data.draw(st.none() | usable)
            case Integer(least, most):
                return data.draw(st.none() | st.integers(least, most))
            case Choice(words):
                return data.draw(st.none() | st.sampled_from(words))

    states = tuple(some_state(one, data.draw(st.booleans()), pick) for one in FEATURES)
    rows = list(told(ALICE, Snapshot(3, states)))
    wanted = [Row(ALICE, (Asked(*one),)) for one in zip(FEATURES, states, strict=True)]
    wanted = [one for one in wanted if one.asked[0].state != OFF]
    assert [row_of_json(written(Format.NDJSON, row)) for row in rows] == wanted
    text = (head(Format.CSV) + b"".join(written(Format.CSV, row) for row in rows)).decode()
    first, *lines = csv.reader(io.StringIO(text))
    columns = columns_of(",".join(first))
    assert [row_of_cells(columns, cells) for cells in lines] == wanted


def test_of_nothing_stored_there_are_no_rows() -> None:
    """A feature that was never touched is not worth a line."""
    assert list(told(ALICE, NOTHING_STORED)) == []
    assert head(Format.NDJSON) == b""
