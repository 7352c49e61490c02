"""Where FreePBX keeps features: keys of AstDB, and device states that light lamps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dfks_rules.bridges.states import CallState
from dfks_rules.model.features import Feature

USERS = "AMPUSER"
"""Family of the users; `AMPUSER/201/device` are the devices of 201, with `&` between them."""
DEVICES = "device"
_LIT, _DARK = "BUSY", "NOT_INUSE"


class _Row(NamedTuple):
    family: str
    """Family of AstDB; its keys are extensions."""
    lamp: str = ""
    """What follows `Custom:` in the device states of an extension; empty: none."""


_ROWS = {
    Feature.DO_NOT_DISTURB: _Row("DND", "DND"),
    Feature.CALL_FORWARDING_ALWAYS: _Row("CF", "CF"),
    Feature.CALL_FORWARDING_BUSY: _Row("CFB"),
    Feature.CALL_FORWARDING_NO_ANSWER: _Row("CFU"),
}
FAMILIES = {feature: row.family for feature, row in _ROWS.items()}
"""Feature → family of AstDB."""
_LAMPS = tuple(row.lamp for row in _ROWS.values() if row.lamp)


def value_of(feature: Feature, state: CallState) -> str | None:
    """What stands in AstDB; None: nothing."""
    if not state.is_on:
        return None
    return "YES" if feature is Feature.DO_NOT_DISTURB else state.target


def state_of(feature: Feature, value: str | None) -> CallState:
    """What a value in AstDB means; an empty one is as good as none."""
    if not value:
        return CallState()
    return CallState(is_on=True, target="" if feature is Feature.DO_NOT_DISTURB else value)


def lamps_of(
    feature: Feature, extension: str, devices: Sequence[str], state: CallState
) -> Iterator[tuple[str, str]]:
    """The device states to set: name, value."""
    lamp = _ROWS[feature].lamp
    if lamp:
        value = _LIT if state.is_on else _DARK
        yield f"Custom:{lamp}{extension}", value
        for device in devices:
            yield f"Custom:DEV{lamp}{device}", value


def devices_in(value: str) -> tuple[str, ...]:
    """The devices in `AMPUSER/…/device`."""
    return tuple(device for device in value.split("&") if device)


def hinted(name: str, owners: Mapping[str, str]) -> str | None:
    """The extension whose feature may have changed, if a device state tells of one.

    Args:
        name: of the device state, e.g. `Custom:DND201`.
        owners: device → its extension.
    """
    kind, _, rest = name.partition(":")
    if kind != "Custom":
        return None
    for lamp in _LAMPS:
        if rest.startswith(f"DEV{lamp}"):
            return owners.get(rest.removeprefix(f"DEV{lamp}"))
        if rest.startswith(lamp):
            return rest.removeprefix(lamp) or None
    return None
