"""Messages of AMI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.bridges.asterisk.messages import decoded, encoded, ends_list, is_list
from dfks_rules.bridges.ports import SwitchRefusedError


def test_message_is_lines_and_an_empty_one() -> None:
    """As Asterisk reads it."""
    assert encoded({"Action": "Ping", "ActionID": "1"}) == b"Action: Ping\r\nActionID: 1\r\n\r\n"


@pytest.mark.parametrize("value", ["201\r\nAction: Originate", "201\n", "a\0b"])
def test_value_cannot_become_a_header(value: str) -> None:
    """Targets come from phones."""
    with pytest.raises(SwitchRefusedError):
        encoded({"Val": value})


@given(st.binary(max_size=200))
def test_any_bytes_are_read(block: bytes) -> None:
    """What is no header is left out."""
    assert all(isinstance(value, str) for value in decoded(block).values())


def test_values_may_contain_colons() -> None:
    """A device state does."""
    told = decoded(b"Event: DeviceStateChange\r\nDevice: Custom:DND201\r\nState: BUSY\r\n")
    assert told == {"Event": "DeviceStateChange", "Device": "Custom:DND201", "State": "BUSY"}


def test_lists_begin_and_end() -> None:
    """Events in between belong to the response."""
    assert is_list({"Response": "Success", "EventList": "start"})
    assert not is_list({"Response": "Success"})
    assert ends_list({"Event": "DBGetComplete", "EventList": "Complete"})
    assert not ends_list({"Event": "DBGetResponse"})
