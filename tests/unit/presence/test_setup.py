"""What a notifier works with."""

from dfks_rules.presence.package import Limits
from dfks_rules.presence.profile import DEFAULT
from dfks_rules.presence.setup import Setup


def test_without_a_word_all_phones_are_alike_and_nothing_outlives_the_process() -> None:
    """As with a memory store, and no settings."""
    setup = Setup(Limits(), lambda: b"token", lambda text: b"tag")
    assert setup.profiles.of("Polycom") is DEFAULT
    assert (setup.gate, setup.logins, setup.keeping) == (None, None, None)
