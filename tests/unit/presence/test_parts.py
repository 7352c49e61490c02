"""What is told in several NOTIFYs."""

from dfks_rules.csta.render import render
from dfks_rules.model.features import FEATURES, OFF
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.parts import first_part
from dfks_rules.presence.profile import Profile
from tests.helpers.policy import CFA, DND, ON

ALL: Documents = tuple((feature, OFF) for feature in FEATURES)


def _parts(documents: Documents, profile: Profile) -> list[Documents]:
    parts = []
    while documents:
        part, documents = first_part(documents, "alice", profile)
        parts.append(part)
    return parts


def test_one_feature_at_a_time() -> None:
    """In their order, whatever the order in which they changed."""
    parts = _parts(((CFA, ON), (DND, ON)), Profile("single", multipart=False))
    assert parts == [((DND, ON),), ((CFA, ON),)]


def test_as_many_as_fit() -> None:
    """A longer body might not arrive at all."""
    size = len(render(ALL[:2], "alice")[1])
    assert _parts(ALL, Profile("small", max_body=size)) == [ALL[:2], ALL[2:3], ALL[3:]]
    assert _parts(ALL, Profile("large", max_body=65_535)) == [ALL]


def test_a_single_feature_is_told_however_long() -> None:
    """Otherwise it would never be told."""
    assert _parts(ALL, Profile("tiny", max_body=1)) == [(one,) for one in ALL]
