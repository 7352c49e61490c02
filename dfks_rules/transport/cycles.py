"""What must not wait for the collector of cycles, which looks at new objects only."""

import asyncio


def break_cycle(transport: asyncio.BaseTransport) -> None:
    """Have a transport of asyncio that is closed hold itself no longer.

    It keeps what reads as a method of its own: 2.5 kB for each connection that lived for a while.
    """
    getattr(transport, "__dict__", {}).pop("_read_ready_cb", None)
