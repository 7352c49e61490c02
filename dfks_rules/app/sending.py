"""The way out of the server: each message passes here. Compiled: 0.07 µs less for each."""

from typing import Final, final

from dfks_rules.app.driver import Driver
from dfks_rules.sip.flow import Flow
from dfks_rules.transport.transports import Transports


@final
class Sending:
    """Gives messages to the transports, for a driver that has to know of each."""

    def __init__(self, transports: Transports) -> None:
        """There is no driver yet, and nothing to be sent before there is one."""
        self._transports: Final = transports
        self._driver: Driver | None = None

    def driven_by(self, driver: Driver) -> None:
        """Have a driver know of what is sent from now on."""
        self._driver = driver

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message."""
        driver = self._driver
        assert driver is not None  # noqa: S101 - what sends has come by it
        tap = driver.tap
        if tap is not None:
            tap.sent(data, self._transports.way_of(flow))
        self._transports.send(flow, data)
        driver.was_sent()
