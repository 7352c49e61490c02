"""Policies that several nodes share: files as one value, and what follows it."""

import asyncio
import zlib
from collections.abc import Iterator

from dfks_rules.app.desk.last_good import files_from, pieces_of
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase

MAX_SIZE = 64 * 1024 * 1024
"""Most characters of a bundle."""


def pack(files: PolicyFiles) -> bytes:
    """Files as a bundle."""
    return b"".join(_packed(files))


def _packed(files: PolicyFiles) -> Iterator[bytes]:
    packing = zlib.compressobj(level=6)
    for piece in pieces_of(files):
        yield packing.compress(piece.encode(errors="replace"))
    yield packing.flush()


def unpack(bundle: bytes) -> PolicyFiles:
    """The files of a bundle.

    Raises:
        PolicyError: it is none (`policy_unreadable`).
    """
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(bundle, MAX_SIZE * 2)
        if not unpacking.eof:
            message = phrase("it is cut off, or too large")
            raise ValueError(message)
        return files_from(text.decode())
    except (zlib.error, ValueError) as error:
        message = phrase("cannot read the bundle of policies: {error}", error=error)
        raise PolicyError([Finding("rollout", 0, 0, "policy_unreadable", message)]) from error


class BundleDesk:
    """Has a server's policies follow bundles; for `app.cluster.policies.Desk`."""

    def __init__(self, policies: PolicyReloader) -> None:
        self._policies = policies

    @property
    def revision(self) -> str:
        """What decides."""
        return self._policies.live.active.revision

    @property
    def follows(self) -> bool:
        """Whether it follows a bundle."""
        return self._policies.follows

    @property
    def has_failed(self) -> bool:
        """Whether what was to decide last could not be used."""
        return self._policies.has_failed

    async def prepare(self, bundle: bytes) -> None:
        """Check a bundle that may be followed soon.

        Raises:
            PolicyError: it cannot be used.
        """
        await self._policies.prepare(await asyncio.to_thread(unpack, bundle))

    async def follow(self, bundle: bytes | None) -> None:
        """Have a bundle decide; None: the files of this node.

        Raises:
            DfksError: it cannot be used; what decided goes on.
        """
        files = None if bundle is None else await asyncio.to_thread(unpack, bundle)
        await self._policies.follow(files)
