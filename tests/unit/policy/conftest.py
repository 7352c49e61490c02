"""Every finding that any test provokes is one that can be told in German."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from dfks_rules.errors import Finding
from tests.helpers.in_german import left_in_english

_MAKERS = ("dfks_rules.policy.", "dfks_rules.yaml.", "dfks_rules.app.desk.")


@pytest.fixture(autouse=True)
def _findings_are_phrases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    make, wrong = Finding.__new__, []

    def made(cls: type[Finding], *args: Any, **named: Any) -> Finding:
        finding: Finding = make(cls, *args, **named)
        callers = [str(sys._getframe(depth).f_globals["__name__"]) for depth in (1, 2)]
        # `Tree.finding` makes one of what its caller says, which may be a test.
        if callers[0].startswith(_MAKERS) and not callers[1].startswith(("tests.", "test_")):
            wrong.extend(left_in_english(finding.message))
        return finding

    monkeypatch.setattr(Finding, "__new__", made)
    yield
    assert wrong == []
