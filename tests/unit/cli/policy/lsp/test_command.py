"""`dfks policy lsp`; tests/e2e/test_lsp.py speaks to it as an editor does."""

import sys

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of pip, and without a traceback."""
    for name in list(sys.modules):
        if name.startswith(("pygls", "lsprotocol", "dfks_rules.cli.policy.lsp.s")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    result = CliRunner().invoke(dfks, ["policy", "lsp"])
    assert result.exit_code == 1
    assert "pip install 'dfks-rules[lsp]'" in result.output
    assert "Traceback" not in result.output
