"""FusionPBX as a switch: rows are the truth; FreeSWITCH's cache of them is dropped."""

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from dfks_rules.bridges.fusionpbx.columns import row_of, states_of
from dfks_rules.bridges.fusionpbx.database import Database, Extension
from dfks_rules.bridges.fusionpbx.esl import Esl, EslSettings
from dfks_rules.bridges.ports import Kept, SwitchRefusedError
from dfks_rules.bridges.states import CallState
from dfks_rules.model.features import Feature


class Cache(Enum):
    """Where FusionPBX caches what FreeSWITCH reads of an extension."""

    FILE = "file"
    MEMCACHE = "memcache"
    NONE = "none"


class FusionSettings(NamedTuple):
    """How FusionPBX is reached."""

    conninfo: str
    """Of PostgreSQL, as libpq takes it."""
    esl: EslSettings
    cache: Cache
    folder: Path
    """Of the cache, if it is one of files."""
    seconds_per_ring: int


class FusionPbx:
    """Reference: `bridges.ports.Switch`."""

    def __init__(
        self,
        settings: FusionSettings,
        domain: str,
        hear: Callable[[str], None],
        lose: Callable[[], None],
    ) -> None:
        """Not connected; see `Switch`.

        Raises:
            DfksError: `bridge_no_psycopg`
        """
        self._settings = settings
        self._database = Database(settings.conninfo, domain, hear, lose)
        self._esl = Esl(settings.esl)

    async def connect(self) -> None:
        """Connect anew, to both."""
        await self._database.connect()
        if self._settings.cache is not Cache.NONE:
            await self._esl.connect()

    async def close(self) -> None:
        """Close both connections."""
        self._esl.close()
        await self._database.close()

    async def read(self, extension: str) -> Kept | None:
        """What the row of one extension says."""
        found = await self._database.extensions(extension)
        return self._kept(found[0]) if found else None

    async def read_all(self) -> Mapping[str, Kept]:
        """What every row of the domain says."""
        return {one.name: self._kept(one) for one in await self._database.extensions()}

    async def write(self, extension: str, feature: Feature, state: CallState) -> None:
        """Write the row, then have FreeSWITCH read it again."""
        found = await self._database.extensions(extension)
        if not found:
            raise SwitchRefusedError(f"FusionPBX has no extension {extension}")
        # Also before: if this process is killed in between, the row does not wait for the cache.
        await self._drop(found[0])
        await self._database.update(
            extension, row_of(feature, state, self._settings.seconds_per_ring)
        )
        await self._drop(found[0])

    def _kept(self, one: Extension) -> Kept:
        return Kept(states_of(one.row, self._settings.seconds_per_ring), one.changed_at)

    async def _drop(self, one: Extension) -> None:
        """Drop the cached copy of a row, as FusionPBX's own pages do."""
        key = f"directory:{one.name}@{one.context}"
        match self._settings.cache:
            case Cache.NONE:
                return
            case Cache.MEMCACHE:
                # What is not there is an error, and as good.
                await self._esl.ask(f"api memcache delete {key}")
            case Cache.FILE:
                name = key.replace(":", ".")
                if "/" not in name:
                    _remove(self._settings.folder / name)
                event = ("Event-Name: CUSTOM", "Event-Subclass: fusion::file", "API-Command: cache")
                argument = f"API-Command-Argument: delete {name}"
                await self._esl.ask("sendevent CUSTOM", (*event, argument))


def _remove(file: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        SwitchRefusedError: that is not allowed.
    """
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise SwitchRefusedError(f"{file} cannot be removed: {error.strerror}") from error
