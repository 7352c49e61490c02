"""Whole decisions against a second opinion, on random policies and requests near them."""

from contextlib import closing
from random import Random

from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source
from tests.helpers.drawing import run_seeded
from tests.helpers.near_questions import NearQuestions
from tests.helpers.plain_policies import PlainPolicies, Said, said_by
from tests.helpers.random_policies import files, reduced
from tests.helpers.random_words import SHARED, SITE


class UnlikeError(AssertionError):
    """The server decides otherwise."""


class Compared:
    """How many decisions were compared."""

    def __init__(self) -> None:
        self.pairs = 0
        """Of one policy set and one request each."""
        self.matched = 0
        """Those in which a rule matched."""


def compare(sets: int, questions: int) -> Compared:
    """Compares the decisions of so many policy sets on so many requests each.

    Raises:
        UnlikeError: the server decides otherwise; it shows the least policies that do.
    """
    compared = Compared()
    run_seeded(sets, lambda random: compare_set(random, questions, compared))
    return compared


def compare_set(random: Random, questions: int, compared: Compared) -> None:
    """Likewise, one policy set."""
    sources = files(random)
    near = NearQuestions(sources)
    with closing(load([*sources, *SITE])) as policies:
        plain = PlainPolicies(sources, policies.site)
        for _ in range(questions):
            view = near.view(random)
            if not _is_alike(policies, plain, view):
                _tell(sources, view)
            compared.pairs += 1
            compared.matched += bool(policies.decide_view(view).matched)
        assert policies.engine_failures == 0


def _is_alike(policies: PolicySet, plain: PlainPolicies, view: View) -> bool:
    return said_by(policies.decide_view(view)) == plain.decide(view)


def _tell(sources: list[Source], view: View) -> None:
    def fails(some: list[Source]) -> bool:
        try:
            with closing(load([*some, *SITE])) as policies:
                return not _is_alike(policies, PlainPolicies(some, policies.site), view)
        except PolicyError:
            return False

    least = reduced(sources, fails)
    with closing(load([*least, *SITE])) as policies:
        said = said_by(policies.decide_view(view))
        wanted = PlainPolicies(least, policies.site).decide(view)
    unlike = [
        f"{field}: {one!r}, but should be {other!r}"
        for field, one, other in zip(Said._fields, said, wanted, strict=True)
        if one != other
    ]
    texts = [one.text for one in least if one not in SHARED]
    raise UnlikeError("\n".join([*unlike, f"of {view}", *texts]))
