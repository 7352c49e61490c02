"""The options of `dfks phone`; tests/e2e/test_phone.py has the rest."""

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks


@pytest.mark.parametrize("server", ["host:", "host:x", "host:65536", "::1", "[::1", "", "a:b:5060"])
def test_a_server_that_is_none_is_told(server: str) -> None:
    """With what to write instead."""
    result = CliRunner().invoke(dfks, ["phone", "sip:alice@example.com", "--server", server])
    assert result.exit_code == 2
    assert f"Error: --server is HOST or HOST:PORT, not `{server}`" in result.output
