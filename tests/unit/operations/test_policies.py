"""What operators can do with policies is what the server can."""

import inspect

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.operations.policies import PolicyDesk
from tests.helpers.operations import MemoryPolicies

_METHODS = sorted(name for name in vars(PolicyDesk) if not name.startswith("_"))


def test_the_reloader_and_its_double_take_what_the_protocol_says() -> None:
    """By the names of its parameters: a test with the double proves something of the server."""
    assert "rollback" in _METHODS
    for name in _METHODS:
        wanted = list(inspect.signature(getattr(PolicyDesk, name)).parameters)
        for other in (PolicyReloader, MemoryPolicies):
            assert list(inspect.signature(getattr(other, name)).parameters) == wanted, name
            is_async = inspect.iscoroutinefunction(getattr(other, name))
            assert is_async == inspect.iscoroutinefunction(getattr(PolicyDesk, name)), name
