"""/etc/hosts: the names that an operator has given this machine, which come before DNS."""

import ipaddress
import os
from pathlib import Path

PATH = Path("/etc/hosts")
MAX_BYTES = 4_000_000
"""What stands after that is not read."""


class HostsFile:
    """Addresses by name; read again when the file has changed."""

    def __init__(self, path: Path = PATH) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._addresses: dict[str, list[str]] = {}
        self._read_if_changed()

    def addresses(self, name: str) -> list[str] | None:
        """The addresses of a name; None where the file does not have it.

        `localhost` is this machine, whatever the file says (RFC 6761 §6.3).
        """
        self._read_if_changed()
        found = self._addresses.get(name)
        return ["127.0.0.1", "::1"] if found is None and name == "localhost" else found

    def _read_if_changed(self) -> None:
        try:
            status = os.stat(self._path)
            version = status.st_mtime_ns, status.st_size
            if version != self._version:
                with self._path.open("rb") as file:
                    text = file.read(MAX_BYTES).decode(errors="replace")
                self._addresses, self._version = _read(text), version
        except OSError:
            self._addresses, self._version = {}, None


def _read(text: str) -> dict[str, list[str]]:
    addresses: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            usual = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        for name in names:
            of_name = addresses.setdefault(name.lower().removesuffix("."), [])
            if usual not in of_name:
                of_name.append(usual)
    return addresses
