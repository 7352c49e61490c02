"""What an endpoint counts: plain integers that somebody else collects."""

from typing import Final, final

from dfks_rules.sip.flow import TRANSPORTS
from dfks_rules.sip.message import METHODS

OTHER: Final = b"other"
"""What requests of unknown methods are counted as: a peer cannot fill the memory with names."""


@final
class Counts:
    """How often what happened since the start."""

    def __init__(self) -> None:
        self.named: Final[dict[str, int]] = {}
        """Name → count, of all but requests; what never happened is not there."""
        self.requests: Final[list[dict[bytes, int]]] = [{} for _ in TRANSPORTS]
        """Of each transport, in their order: method → how many requests came."""

    def count(self, name: str) -> None:
        """Something happened once more."""
        named = self.named
        named[name] = named.get(name, 0) + 1

    def came(self, method: bytes, position: int) -> None:
        """A request came.

        Args:
            method: its method, whatever a peer wrote there.
            position: of the transport that it came by.
        """
        requests = self.requests[position]
        count = requests.get(method)
        if count is not None:
            requests[method] = count + 1
            return
        if method not in METHODS:
            method = OTHER
        requests[method] = requests.get(method, 0) + 1

    def total(self) -> dict[str, int]:
        """All of it by name; requests of one method by whatever transport as one number."""
        total = self.named.copy()
        for requests in self.requests:
            for method, count in requests.items():
                name = f"requests_{method.decode().lower()}"
                total[name] = total.get(name, 0) + count
        return total
