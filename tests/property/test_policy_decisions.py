"""Whole decisions against a second opinion: random policies of the whole language.

A decision is its effect, reason, status, values, who is told, what follows, when it expires, what
is lifted, what is logged, which rules match, and which of them decide. That the comparison finds
what is wrong with a server is shown by `tests/long/test_mutants_of_the_engine.py`.
"""

import pytest

from tests.helpers.differential import compare

ORDINARY = (60, 300)
"""Policy sets, and requests to each, whenever tests run: as many find all mutants. The 18,000 pairs
take some 25 s of one processor."""


def test_the_server_decides_what_its_policies_say() -> None:
    """Whatever peers and authors write."""
    compared = compare(*ORDINARY)
    assert compared.pairs >= 15_000
    assert compared.matched >= compared.pairs * 0.6


@pytest.mark.long
def test_the_server_decides_what_its_policies_say_in_a_hundred_thousand_pairs() -> None:
    """Seldom things, too: so many were really compared."""
    compared = compare(340, 300)
    assert compared.pairs >= 100_000
    assert compared.matched >= compared.pairs * 0.6
