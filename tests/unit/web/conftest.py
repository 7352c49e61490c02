"""Every failure that any test provokes is one that can be told in German."""

from collections.abc import Iterator
from typing import Any

import pytest

from dfks_rules.web.problem import Problem
from tests.helpers.in_german import left_in_english


@pytest.fixture(autouse=True)
def _problems_are_phrases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    make, wrong = Problem.__init__, []

    def made(self: Problem, kind: str, detail: str | None = None, *args: Any, **more: Any) -> None:
        make(self, kind, detail, *args, **more)
        wrong.extend(left_in_english(self.title))
        if self.detail is not None and not (kind in _OF_OTHERS or detail in _OF_TESTS):
            wrong.extend(left_in_english(self.detail))
        for error in more.get("errors", ()):
            wrong.extend(left_in_english(error["detail"]))

    monkeypatch.setattr(Problem, "__init__", made)
    yield
    assert wrong == []


_OF_OTHERS = ("refused-by-policy", "policies-unusable")
"""What is wrong is said by a policy, or a finding, which is looked at where it is made."""
_OF_TESTS = ("`desk` lacks it", "p.yaml:3:1: is bad [policy_bad]")
"""What tests say that make problems themselves."""
