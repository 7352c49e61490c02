"""Asterisk as a switch: AstDB is the truth, device states follow it and tell when to look."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dfks_rules.bridges.asterisk.ami import Ami
from dfks_rules.bridges.asterisk.keys import (
    DEVICES,
    FAMILIES,
    USERS,
    devices_in,
    hinted,
    lamps_of,
    state_of,
    value_of,
)
from dfks_rules.bridges.asterisk.messages import Message
from dfks_rules.bridges.ports import Kept, SwitchLostError, SwitchRefusedError
from dfks_rules.bridges.states import FEATURES, CallState
from dfks_rules.model.features import Feature


class AsteriskSettings(NamedTuple):
    """How Asterisk is reached."""

    host: str
    port: int
    user: str
    secret: str


class Asterisk:
    """Reference: `bridges.ports.Switch`."""

    def __init__(
        self, settings: AsteriskSettings, hear: Callable[[str], None], lose: Callable[[], None]
    ) -> None:
        """Not connected; see `Switch`."""
        self._settings = settings
        self._tell = hear
        self._lose = lose
        self._ami = Ami(self._hear, lose)
        self._owners: dict[str, str] = {}
        """Device → its extension, as last seen."""

    async def connect(self) -> None:
        """Connect anew."""
        await self._ami.close()
        self._ami = Ami(self._hear, self._lose)
        await self._ami.connect(*self._settings)

    async def close(self) -> None:
        """Close the connection."""
        await self._ami.close()

    async def read(self, extension: str) -> Kept | None:
        """What AstDB has for one extension; None where it is not in `AMPUSER`."""
        if await self._devices(extension) is None:
            return None
        states = {
            feature: state_of(feature, await self._get(family, extension))
            for feature, family in FAMILIES.items()
        }
        return Kept(states)

    async def read_all(self) -> Mapping[str, Kept]:
        """What AstDB has, for each extension in `AMPUSER`."""
        users = await self._tree(USERS)
        values = {feature: await self._tree(family) for feature, family in FAMILIES.items()}
        found: dict[str, Kept] = {}
        owners: dict[str, str] = {}
        for key, devices in users.items():
            extension, _, name = key.partition("/")
            if name == DEVICES:
                owners |= dict.fromkeys(devices_in(devices), extension)
                states = {one: state_of(one, values[one].get(extension)) for one in FEATURES}
                found[extension] = Kept(states)
        self._owners = owners
        return found

    async def write(self, extension: str, feature: Feature, state: CallState) -> None:
        """Write AstDB, then the device states of the extension and of its devices."""
        devices = await self._devices(extension) or ()
        family, value = FAMILIES[feature], value_of(feature, state)
        entry = {"Family": family, "Key": extension}
        if value is None:
            # What is not there cannot be deleted, and need not.
            await self._ami.act("DBDel", entry)
        else:
            await self._do("DBPut", {**entry, "Val": value})
        for name, lamp in lamps_of(feature, extension, devices, state):
            await self._do("Setvar", {"Variable": f"DEVICE_STATE({name})", "Value": lamp})

    def _hear(self, event: Message) -> None:
        if event.get("Event") == "DeviceStateChange":
            extension = hinted(event.get("Device", ""), self._owners)
            if extension is not None:
                self._tell(extension)

    async def _devices(self, extension: str) -> tuple[str, ...] | None:
        """Devices of an extension; None where there is no such extension."""
        value = await self._get(USERS, f"{extension}/{DEVICES}")
        if value is None:
            return None
        devices = devices_in(value)
        self._owners |= dict.fromkeys(devices, extension)
        return devices

    async def _get(self, family: str, key: str) -> str | None:
        response, *events = await self._ami.act("DBGet", {"Family": family, "Key": key})
        if response.get("Response") != "Success":
            if "not found" in response.get("Message", "").lower():
                return None
            raise SwitchLostError(f"DBGet {family}/{key}: {response.get('Message', '')}")
        return next((one.get("Val", "") for one in events if "Val" in one), None)

    async def _tree(self, family: str) -> dict[str, str]:
        """Key, without its family → value."""
        response, *events = await self._ami.act("DBGetTree", {"Family": family})
        if response.get("Response") != "Success":
            raise SwitchLostError(f"DBGetTree {family}: {response.get('Message', '')}")
        before = f"/{family}/"
        found = ((one.get("Key", ""), one.get("Val", "")) for one in events)
        return {key.removeprefix(before): value for key, value in found if key.startswith(before)}

    async def _do(self, action: str, headers: Message) -> None:
        response = (await self._ami.act(action, headers))[0]
        if response.get("Response") != "Success":
            raise SwitchRefusedError(f"{action}: {response.get('Message', 'no reason given')}")
