"""Keys of AstDB and device states."""

import pytest

from dfks_rules.bridges.asterisk.keys import (
    FAMILIES,
    devices_in,
    hinted,
    lamps_of,
    state_of,
    value_of,
)
from dfks_rules.bridges.states import FEATURES, OFF, CallState

DND, CFA, CFB, CFNA = FEATURES
TO_202 = CallState(is_on=True, target="202")


def test_families_are_those_of_freepbx() -> None:
    """CFU is "unavailable", which is no answer."""
    assert FAMILIES == {DND: "DND", CFA: "CF", CFB: "CFB", CFNA: "CFU"}


def test_values_mean_the_same_there_and_back() -> None:
    """DND is a word; a forward is its target; off is nothing."""
    assert (value_of(DND, CallState(is_on=True)), value_of(DND, OFF)) == ("YES", None)
    assert (value_of(CFNA, TO_202._replace(rings=4)), value_of(CFA, OFF)) == ("202", None)
    assert state_of(DND, "YES") == CallState(is_on=True)
    assert state_of(CFB, "202") == TO_202
    assert state_of(CFB, None) == state_of(DND, "") == OFF


def test_lamps_of_extension_and_devices_follow() -> None:
    """Only DND and CF have some."""
    lit = dict(lamps_of(CFA, "201", ["201", "201m"], TO_202))
    assert lit == dict.fromkeys(("Custom:CF201", "Custom:DEVCF201", "Custom:DEVCF201m"), "BUSY")
    assert dict(lamps_of(DND, "201", [], OFF)) == {"Custom:DND201": "NOT_INUSE"}
    assert list(lamps_of(CFB, "201", ["201"], TO_202)) == []


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("Custom:DND201", "201"),
        ("Custom:CF201", "201"),
        ("Custom:DEVDND201m", "201"),
        ("Custom:DEVCF201m", "201"),
        ("Custom:DEVCFnobody", None),
        ("Custom:DND", None),
        ("Custom:FOLLOWME201", None),
        ("PJSIP/201", None),
        ("", None),
    ],
)
def test_device_states_hint_at_extensions(name: str, extension: str | None) -> None:
    """Those of devices at the one whose device it is."""
    assert hinted(name, {"201m": "201"}) == extension


def test_devices_stand_between_ampersands() -> None:
    """A user may have none."""
    assert devices_in("201&201m") == ("201", "201m")
    assert devices_in("") == ()
