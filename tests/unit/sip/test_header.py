"""Headers by number."""

from dfks_rules.sip import header


def test_every_number_is_the_place_of_its_name() -> None:
    """C has them in this order, too (native/wire.h)."""
    numbers = {
        name.lower().replace("_", "-").encode(): number
        for name, number in vars(header).items()
        if isinstance(number, int) and name.isupper()
    }
    assert numbers == {name: number for number, name in enumerate(header.NAMES)}


def test_values_stand_at_their_numbers() -> None:
    """None for what is absent; others are left out."""
    values = header.values_of({b"to": b"<sip:a@b>", b"server": b"x"})
    assert values[header.TO] == b"<sip:a@b>"
    assert values.count(None) == len(header.NAMES) - 1
