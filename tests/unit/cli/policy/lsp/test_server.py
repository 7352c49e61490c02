"""What the server tells its client it can do; tests/e2e/test_lsp.py speaks to a process."""

import pytest

pytest.importorskip("pygls", reason="the language server needs the extra `lsp`")

from lsprotocol import types

from dfks_rules.cli.policy.lsp.server import make_server

WANTED = {
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_SAVE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.TEXT_DOCUMENT_COMPLETION,
    types.TEXT_DOCUMENT_HOVER,
    types.TEXT_DOCUMENT_DEFINITION,
    types.TEXT_DOCUMENT_PREPARE_RENAME,
    types.TEXT_DOCUMENT_RENAME,
    types.TEXT_DOCUMENT_CODE_ACTION,
}


def test_it_answers_what_the_documentation_promises() -> None:
    """Each by a function of its own."""
    assert set(make_server().protocol.fm.features) >= WANTED
