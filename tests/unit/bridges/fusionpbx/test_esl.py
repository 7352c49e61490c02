"""The client of the event socket against a scripted FreeSWITCH."""

import pytest

from dfks_rules.bridges.fusionpbx import esl
from dfks_rules.bridges.fusionpbx.esl import Esl, EslSettings
from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError
from tests.helpers.esl import PASSWORD, scripted_freeswitch


async def test_commands_are_answered() -> None:
    """What comes in between is passed over."""
    async with scripted_freeswitch() as switch:
        client = Esl(EslSettings("127.0.0.1", switch.port, PASSWORD))
        await client.connect()
        assert await client.ask("api memcache delete directory:201@example.com") == "+OK"
        assert await client.ask("sendevent CUSTOM", ("Event-Name: CUSTOM",)) == "+OK"
        assert switch.asked[1] == "sendevent CUSTOM\nEvent-Name: CUSTOM"
        client.close()


async def test_wrong_password_is_told() -> None:
    """With what FreeSWITCH says."""
    async with scripted_freeswitch() as switch:
        client = Esl(EslSettings("127.0.0.1", switch.port, "wrong"))
        with pytest.raises(SwitchLostError, match="-ERR invalid"):
            await client.connect()


@pytest.mark.parametrize(
    "greeting",
    [
        b"Content-Type: text/rude-rejection\nContent-Length: 0\n\n",
        b"Content-Type: auth/request\nContent-Length: 99999999\n\n",
        b"Content-Type: auth/request\nContent-Length: x\n\n",
        b"x" * 70_000 + b"\n\n",
    ],
)
async def test_what_is_no_greeting_is_no_event_socket(greeting: bytes) -> None:
    """Or its access list does not let us in."""
    async with scripted_freeswitch() as switch:
        switch.greeting = greeting
        with pytest.raises(SwitchLostError, match=str(switch.port)):
            await Esl(EslSettings("127.0.0.1", switch.port, PASSWORD)).connect()


async def test_connection_that_ends_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told or not; and one that hangs."""
    async with scripted_freeswitch() as switch:
        client = Esl(EslSettings("127.0.0.1", switch.port, PASSWORD))
        with pytest.raises(SwitchLostError, match="not connected"):
            await client.ask("api status")
        await client.connect()
        with pytest.raises(SwitchLostError, match="closed the connection"):
            await client.ask("exit")
        await client.connect()
        switch.hang_up()
        with pytest.raises(SwitchLostError):
            await client.ask("api status")
        await client.connect()
        monkeypatch.setattr(esl, "WITHIN", 0.0)
        with pytest.raises(SwitchLostError):
            await client.ask("api status")


async def test_line_breaks_are_not_sent() -> None:
    """They would be commands."""
    async with scripted_freeswitch() as switch:
        client = Esl(EslSettings("127.0.0.1", switch.port, PASSWORD))
        await client.connect()
        with pytest.raises(SwitchRefusedError):
            await client.ask("api x\n\nbgapi system reboot")
        assert switch.asked == []
        client.close()
