"""Columns of `v_extensions`."""

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.bridges.fusionpbx.columns import COLUMNS, TIMER, row_of, states_of
from dfks_rules.bridges.states import FEATURES, OFF, CallState

DND, CFA, CFB, CFNA = FEATURES
EMPTY: dict[str, str | None] = dict.fromkeys(COLUMNS)


def test_row_that_was_never_written_is_off() -> None:
    """Texts are missing until a page was saved."""
    assert states_of(EMPTY, 6) == dict.fromkeys(FEATURES, OFF)
    written = EMPTY | {"forward_all_enabled": "true", "do_not_disturb": "false"}
    assert states_of(written, 6) == dict.fromkeys(FEATURES, OFF)


@given(st.sampled_from(FEATURES), st.booleans(), st.integers(1, 100), st.integers(1, 30))
def test_what_was_written_is_read(feature: object, is_on: bool, rings: int, ring: int) -> None:
    """Of one feature; the others stay."""
    for one in FEATURES:
        if one is feature:
            target = "" if one is DND or not is_on else "202"
            state = CallState(is_on, target, rings if one is CFNA and is_on else 0)
            read = states_of(EMPTY | row_of(one, state, ring), ring)
            assert read == dict.fromkeys(FEATURES, OFF) | {one: state}


def test_forward_that_is_off_keeps_its_target_there() -> None:
    """And its timer; a number of rings that is not known is not written."""
    assert row_of(CFB, OFF, 6) == {"forward_busy_enabled": "false"}
    assert TIMER not in row_of(CFNA, CallState(True, "202"), 6)


def test_seconds_are_the_nearest_rings() -> None:
    """The column is numeric; the page takes any number."""
    on = EMPTY | row_of(CFNA, CallState(True, "202"), 6)
    for seconds, rings in (("30", 5), ("2", 1), ("20.5", 3), ("9999", 100), ("x", 0), (None, 0)):
        assert states_of(on | {TIMER: seconds}, 6)[CFNA].rings == rings
