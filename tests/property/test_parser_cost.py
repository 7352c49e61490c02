"""No parser costs more than a little for any piece that is repeated in it."""

import random

import pytest

from bench.parsers import BAR, SUBJECTS, search


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_input_of_a_datagram_costs_a_parser_much(name: str) -> None:
    """One datagram of a stranger once cost a second; the long search is bench/parsers.py.

    Quadratic work is 100 times over the bar; the factor is for machines that are slow or busy.
    """
    worst, given = max(search(SUBJECTS[name], 0.0, random.Random(1)), key=lambda one: one[0])
    assert worst < 10 * BAR, given
